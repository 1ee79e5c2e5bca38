# shellcheck shell=bash
# Asks a MySQL or MariaDB as a user whose password stands on no disk and in no process list.
client_tls=()

# open_client: puts the CA, which is no secret, and a client's certificate where the client can read them, for this run.
open_client() {
  client_directory=$(umask 077 && mktemp -d)
  trap 'rm -rf "$client_directory"' EXIT
  [[ -n $ca_certificate ]] || return 0
  (umask 077 && printf '%s' "$ca_certificate" >"$client_directory/ca.crt")
  client_tls=(--ssl-ca="$client_directory/ca.crt" --ssl-verify-server-cert)
  [[ -n $client_certificate ]] || return 0
  (umask 077 && printf '%s' "$client_certificate" >"$client_directory/client.crt" && printf '%s' "$client_key" >"$client_directory/client.key")
  client_tls+=(--ssl-cert="$client_directory/client.crt" --ssl-key="$client_directory/client.key")
}

# sql ARGUMENT...: runs what the arguments or standard input say. Without a login it is root's, on the local socket.
sql() {
  local login=()
  [[ -z $client_options ]] || login=(--defaults-file=/dev/fd/8)
  mariadb "${login[@]}" "${client_tls[@]}" --batch --skip-column-names "$@" \
    8< <(printf '%s' "$client_options")
}
