# shellcheck shell=bash
# Permits one host, once, to begin the cluster's etcd, and has the tools there with which a backup is restored.

prepare() {
  lock_host
  install_etcd curl
  write_file "$address_path" <<<"$node_address"
}

apply() {
  prepare
  write_file "$init_mark" <<<"$host_name"
}

# The first server is another one, or its host is: the others have the cluster, which it joins.
reapply() {
  prepare
  if [[ $starts_empty == true ]]; then write_file "$init_mark" <<<"$host_name"; fi
}

remove() { :; }
