# shellcheck shell=bash
# Whether every member of an etcd answers over verified TLS, is healthy and new enough, and whether the etcd is free.
problems=()
problem() { problems+=("$host_name: $*"); }

# etcd ADDRESS PATH [ARGUMENT...]
etcd() {
  local tls=(--cacert "$client_directory/ca.crt") address=$1 path=$2
  shift 2
  [[ -z $client_certificate ]] || tls+=(--cert "$client_directory/client.crt" --key "$client_directory/client.key")
  curl --silent --show-error --fail --max-time 15 "${tls[@]}" "$@" "https://$address$path"
}

check_member() {
  local address=$1 answer version
  if ! answer=$(etcd "$address" /health 2>&1); then
    problem "etcd at $address does not answer over verified TLS ($(head -n 1 <<<"$answer")). Check its address, that the configured CA signed its certificate, that the certificate names exactly this address, and whether it requires a client certificate."
    return
  fi
  [[ $answer == *'"health":"true"'* ]] || problem "etcd at $address is not healthy ($answer). Repair it first."
  version=$(etcd "$address" /version 2>/dev/null | sed -nE 's/.*"etcdserver":"([0-9.]+)".*/\1/p')
  [[ $version =~ ^(3\.([5-9]|[1-9][0-9]+)|[4-9]\.) ]] ||
    problem "etcd at $address is ${version:-of an unknown version}; K3s is tested on 3.5 and newer. Upgrade it."
}

# The keys from /bootstrap/ to /bootstrap0, in base64 as etcd's JSON has them.
check_owner() {
  local answer key
  answer=$(etcd "${addresses[0]}" /v3/kv/range --data '{"key":"L2Jvb3RzdHJhcC8=","range_end":"L2Jvb3RzdHJhcDA=","keys_only":true}' 2>/dev/null) || {
    problem "etcd at ${addresses[0]} does not let this host read its keys. Give the client certificate of k3s-ha:datastore.endpoint a user with this right."
    return
  }
  while read -r key; do
    key=$(base64 --decode <<<"$key")
    [[ $key == "/bootstrap/$token_fingerprint" ]] ||
      problem "etcd holds another cluster, or this one under another token. Use an etcd for this cluster only, or, if that cluster no longer exists, empty it: etcdctl del --prefix ''"
  done < <(grep -oE '"key":"[^"]*"' <<<"$answer" | cut -d '"' -f 4)
}

apply() {
  local address
  lock_host
  install_packages ca-certificates curl
  put_client_files
  for address in "${addresses[@]}"; do check_member "$address"; done
  ((${#problems[@]})) || check_owner
  if ((${#problems[@]})); then
    printf '%s\n' "${problems[@]}" >&2
    exit 1
  fi
}

remove() { :; }
