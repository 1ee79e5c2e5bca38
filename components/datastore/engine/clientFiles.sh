# shellcheck shell=bash
# put_client_files: puts the CA, which is no secret, and a client's certificate where a client can read them, for this run.
put_client_files() {
  # Those of killed runs, and no others.
  find "${TMPDIR:-/tmp}" -mindepth 1 -maxdepth 1 -type d -user "$EUID" -name 'k3s-ha-client.*' -mmin +60 -exec rm -rf {} +
  client_directory=$(umask 077 && mktemp -d -t k3s-ha-client.XXXXXX)
  trap 'rm -rf "$client_directory"' EXIT
  [[ -z $ca_certificate ]] || (umask 077 && printf '%s' "$ca_certificate" >"$client_directory/ca.crt")
  [[ -z $client_certificate ]] ||
    (umask 077 && printf '%s' "$client_certificate" >"$client_directory/client.crt" && printf '%s' "$client_key" >"$client_directory/client.key")
}
