# shellcheck shell=bash
# Asks a MySQL or MariaDB as a user whose password stands on no disk and in no process list.
client_tls=()

open_client() {
  put_client_files
  [[ -n $ca_certificate ]] || return 0
  client_tls=(--ssl-ca="$client_directory/ca.crt" --ssl-verify-server-cert)
  [[ -n $client_certificate ]] || return 0
  client_tls+=(--ssl-cert="$client_directory/client.crt" --ssl-key="$client_directory/client.key")
}

# sql ARGUMENT...: runs what the arguments or standard input say. Without a login it is root's, on the local socket.
sql() {
  local login=()
  [[ -z $client_options ]] || login=(--defaults-file=/dev/fd/8)
  mariadb "${login[@]}" "${client_tls[@]}" --batch --skip-column-names "$@" \
    8< <(printf '%s' "$client_options")
}
