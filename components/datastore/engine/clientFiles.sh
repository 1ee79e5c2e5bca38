# shellcheck shell=bash
# put_client_files: puts the CA, which is no secret, and a client's certificate where a client can read them, for this run.
put_client_files() {
  local leftover
  # Those of killed runs, and no others. A search of the whole directory would fail on whatever vanishes there meanwhile.
  for leftover in "${TMPDIR:-/tmp}"/k3s-ha-client.*; do
    [[ -O $leftover && ! -L $leftover ]] || continue
    if [[ -n $(find "$leftover" -maxdepth 0 -type d -mmin +60 2>/dev/null) ]]; then rm -rf "$leftover"; fi
  done
  client_directory=$(umask 077 && mktemp -d -t k3s-ha-client.XXXXXX)
  trap 'rm -rf "$client_directory"' EXIT
  [[ -z $ca_certificate ]] || (umask 077 && printf '%s' "$ca_certificate" >"$client_directory/ca.crt")
  [[ -z $client_certificate ]] ||
    (umask 077 && printf '%s' "$client_certificate" >"$client_directory/client.crt" && printf '%s' "$client_key" >"$client_directory/client.key")
}
