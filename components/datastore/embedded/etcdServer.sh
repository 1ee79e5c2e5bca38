# shellcheck shell=bash
# K3s's own etcd on a server: whether it begins a cluster, joins one, or goes on with what it has; and that no change of this
# program costs the quorum.
etcd_directory=/var/lib/rancher/k3s/server/db/etcd
etcd_tls=/var/lib/rancher/k3s/server/tls/etcd
server_ca_path=/var/lib/rancher/k3s/server/tls/server-ca.crt
join_path=/etc/rancher/k3s/config.yaml.d/80-k3s-ha-etcd.yaml

is_member() { [[ -e $etcd_directory/member/wal ]]; }

# etcd URLS ARGUMENT...: K3s's own client certificate opens every member.
etcd() {
  ETCDCTL_API=3 etcdctl --endpoints "$1" --cacert "$etcd_tls/server-ca.crt" --cert "$etcd_tls/client.crt" --key "$etcd_tls/client.key" \
    --command-timeout 5s "${@:2}"
}

own_endpoint=https://127.0.0.1:2379

# members ENDPOINT: "id<TAB>state<TAB>peer address<TAB>whether it is a learner" of each.
members() { etcd "$1" member list 2>/dev/null | sed 's/, /,/g' | awk -F , -v OFS='\t' '{ sub(/^https:\/\//, "", $4); sub(/:2380$/, "", $4); print $1, $2, $4, $6 }'; }

is_healthy() { etcd "https://$1:2379" endpoint health >/dev/null 2>&1; }

# answering_peer: the first other server that runs, by the CA that all of them have.
answering_peer() {
  local address
  for address in "${peer_addresses[@]}"; do
    if [[ $(curl --silent --max-time 5 --cacert "$server_ca_path" "https://$address:6443/ping") == pong ]]; then
      printf '%s' "$address"
      return 0
    fi
  done
  return 1
}

# Only a host without data begins or joins. The permission to begin is given to one host, once in the life of the stack: without
# it, a server that came back empty would begin a second cluster under the first one's name.
check_datastore() {
  local peer
  install_etcd curl
  if is_member; then return 0; fi
  if peer=$(answering_peer); then
    put_file "$join_path" 0600 root:root <<<"server: \"https://$peer:6443\""
  elif [[ -e $init_mark ]]; then
    put_file "$join_path" 0600 root:root <<<"cluster-init: true"
  else
    die "$host_name: this host has no member of the cluster's etcd, and no other server answers (${peer_addresses[*]:-there is none}). K3s was not started: it would begin a second, empty cluster. Start K3s on the other servers and run up again; or, if their data are lost, restore the cluster from a backup: make restore FROM=copy IDENTITY=key.txt, as docs/restore.md describes."
  fi
}

# The others have to hold the quorum alone while this server restarts.
hold_quorum() {
  local id state address learner voters=0 healthy=0 missing=()
  is_member && systemctl is-active --quiet "$unit" || return 0
  while IFS=$'\t' read -r id state address learner; do
    [[ $learner != true ]] || continue
    voters=$((voters + 1))
    if [[ $address == "$node_address" ]]; then continue; fi
    if is_healthy "$address"; then healthy=$((healthy + 1)); else missing+=("$address"); fi
  done < <(members "$own_endpoint")
  ((voters > 1)) || return 0
  ((healthy > voters / 2)) ||
    die "$host_name: K3s was not restarted: of etcd's $voters voters, ${missing[*]} do not answer, so without this server the rest would have no quorum, and the API would be down. Repair them (systemctl status k3s there), then run up again."
}

# A learner is promoted by the leader, which looks every 15 seconds.
prove_datastore() {
  local deadline=$((SECONDS + ready_seconds)) id state address learner own
  while :; do
    own=""
    while IFS=$'\t' read -r id state address learner; do
      if [[ $address == "$node_address" ]]; then own="$state $learner"; fi
    done < <(members "$own_endpoint")
    if [[ $own == "started false" ]] && etcd "$own_endpoint" endpoint health >/dev/null 2>&1; then break; fi
    ((SECONDS < deadline)) || die "$host_name: K3s runs, but its etcd is no healthy voter after $ready_seconds s (${own:-it is no member}). Nothing was changed on the servers after it. See \"journalctl --unit k3s\" there, then run up again."
    sleep 1
  done
  rm -f "$init_mark"
}

# The last server of a cluster that is removed: nothing else may hold it.
keep_last() {
  local kept
  kept=/var/backups/k3s-ha-removed/$(date --utc +%Y%m%dT%H%M%SZ)
  systemctl stop "$unit"
  (umask 077 && mkdir -p "$kept" && cp --archive --reflink=auto "$etcd_directory" "$kept/")
  sync "$kept"
  printf '%s\n' "$host_name: the etcd of the removed cluster is kept in $kept" >&2
}

# leave_datastore: stops K3s, and takes its member out first, while it still counts for the majority that this takes. A K3s that
# runs on would join again, so it does not start meanwhile. etcd refuses what would leave it without a majority.
leave_datastore() {
  local peer id state address learner endpoint="" answer
  if is_member; then
    for peer in "${peer_addresses[@]}"; do
      if is_healthy "$peer"; then endpoint="https://$peer:2379"; fi
    done
    if [[ -z $endpoint ]]; then
      keep_last
    else
      systemctl mask --runtime --quiet "$unit"
      while IFS=$'\t' read -r id state address learner; do
        [[ $address == "$node_address" ]] || continue
        answer=$(answer_of etcd "$endpoint" member remove "$id") || {
          systemctl unmask --runtime --quiet "$unit"
          die "$host_name: etcd does not remove its member of this host: $answer. Nothing was stopped. Repair the other servers (systemctl status k3s there), then run up again"
        }
      done < <(members "$endpoint")
      systemctl stop "$unit"
      systemctl unmask --runtime --quiet "$unit"
    fi
  fi
  rm -f "$join_path" "$init_mark" "$address_path"
}
