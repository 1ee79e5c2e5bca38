# shellcheck shell=bash
# tell_server_etcd: reports K3s's own etcd on this server, as tell_etcd does the member of an etcd on a host of its own.
tell_server_etcd() {
  local etcd_tls=/var/lib/rancher/k3s/server/tls/etcd
  # What K3s leaves at etcd's default.
  tell_member https://127.0.0.1:2379 "$((2 << 30))" "$etcd_tls/server-ca.crt" "$etcd_tls/client.crt" "$etcd_tls/client.key"
}
