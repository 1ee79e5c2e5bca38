# shellcheck shell=bash
# A datastore outside the servers, as a server's script asks for it.

# The datastore as this server will see it: reachable, with a certificate for the very address in the endpoint.
check_datastore() {
  local index
  for index in "${!datastore_addresses[@]}"; do
    check_datastore_at "${datastore_addresses[index]}" "${datastore_hosts[index]}" "${datastore_host_kinds[index]}"
  done
}

# check_datastore_at ADDRESS HOST KIND: HOST is that of the address, a hostname or an ip.
check_datastore_at() {
  local address=$1 host=$2 kind=$3 answer options
  options=(-connect "$address" -CAfile "$datastore_ca_path" -verify_return_error "-verify_$kind" "$host")
  [[ $kind != hostname ]] || options+=(-servername "$host")
  [[ -z $datastore_start_tls ]] || options+=(-starttls "$datastore_start_tls")
  [[ ! -s $datastore_key_path ]] || options+=(-cert "$datastore_certificate_path" -key "$datastore_key_path")
  answer=$(timeout 10 openssl s_client "${options[@]}" 2>&1 </dev/null) && return 0
  die "$host_name: no verified TLS connection to the datastore at $address: $(grep -m 1 -iE 'verify error|refused|unreachable|timed out|no route|not known|resolution' <<<"$answer"). Check its address, its certificate and the firewalls in between."
}

# Nothing depends on how many servers run.
hold_quorum() { :; }
prove_datastore() { :; }
leave_datastore() { :; }
