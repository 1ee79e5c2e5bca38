# shellcheck shell=bash
# One member of an etcd: the first forms it, the others join it, and each is restarted only while all others are healthy.
may_form=false

# A member that failed is rolled back to the files that it was last verified with, if any.
fail() {
  local outcome=""
  journal_tail k3s-ha-etcd
  if put_back k3s-ha-etcd; then
    outcome="; its previous settings are back in place, and it does not become healthy with them either"
    if systemctl restart k3s-ha-etcd && becomes_healthy "$own_url" 60; then outcome="; it runs with its previous settings again"; fi
  fi
  die "$host_name: $*$outcome"
}

has_data() { [[ -d $data_directory/data/member/wal && -e $initial_path ]]; }

# initial CLUSTER STATE: what a member is told at its first start, and reads at no later one.
initial() {
  printf '%s\n' "ETCD_INITIAL_CLUSTER=$1" "ETCD_INITIAL_CLUSTER_STATE=$2" "ETCD_INITIAL_CLUSTER_TOKEN=$(</proc/sys/kernel/random/uuid)" | write_file "$initial_path"
}

# Data without a place in an etcd are kept beside.
set_data_aside() {
  systemctl stop k3s-ha-etcd
  rm -f "$initial_path" "$state_directory/k3s-ha-etcd.proved"
  [[ -e $data_directory/data ]] || return 0
  mv -T "$data_directory/data" "$data_directory/data-$(date --utc +%Y%m%dT%H%M%SZ)"
}

form() {
  local url
  for url in "${other_urls[@]}"; do
    ! ask_etcd "$url" endpoint status >/dev/null 2>&1 ||
      die "$host_name: there is an etcd at $url that has no majority, so $host_name cannot join it. Start its other members, or see docs/day-two.md for an etcd that has lost its majority"
  done
  [[ $is_first == true ]] || die "$host_name: no member of etcd is healthy, so $host_name cannot join it. Repair them first (on their hosts: journalctl --unit k3s-ha-etcd); then run up again"
  [[ $may_form == true ]] ||
    die "$host_name: the data of etcd are gone from this host, and no other member is left. Restore a backup (docs/backups.md); or, if the cluster is to start empty, set k3s-ha:datastore.managed.startsEmpty to true"
  initial "$host_name=$peer_url" new
  systemctl restart k3s-ha-etcd
}

# join: as a learner, which has no vote, so that the majority of the others stays what it is until this one has all data.
join() {
  local id status name peer client learner cluster="" answer
  while read -r id status name peer client learner; do
    # Of a host that lost its data, or of an attempt that was interrupted.
    if [[ $peer == "$peer_url" ]]; then remove_member "$id" "$host_name"; else cluster+="$name=$peer,"; fi
  done < <(list_members)
  answer=$(change_members add "$host_name" --learner --peer-urls "$peer_url") ||
    die "$host_name: etcd at $contact takes no new member: $answer. Run up again once all of its members are healthy"
  initial "$cluster$host_name=$peer_url" existing
  systemctl restart k3s-ha-etcd
}

# promote: gives a learner its vote once it has caught up.
promote() {
  local deadline=$((SECONDS + 180)) id status name peer client learner answer
  find_contact || return 0
  while read -r id status name peer client learner; do
    [[ $peer == "$peer_url" && $learner == true ]] || continue
    until answer=$(answer_of ask_etcd "$contact" member promote "$id"); do
      ((SECONDS < deadline)) || fail "etcd does not give this member its vote: $answer"
      sleep 0.5
    done
  done < <(list_members)
}

# Whether the etcd that the others are has this member, as far as they can be asked.
is_member() {
  find_contact || return 0
  [[ $contact != "$own_url" ]] || return 0
  list_members | awk -v peer="$peer_url" '$4 == peer { found = 1 } END { exit !found }'
}

# The leader hands over first: then its stop costs no election.
hand_over() {
  local id status name peer url learner
  [[ $(ask_etcd "$own_url" endpoint status --write-out simple 2>/dev/null | awk -F ', ' '{ print $5 }') == true ]] || return 0
  while read -r id status name peer url learner; do
    [[ $peer != "$peer_url" && $learner == false ]] || continue
    if ask_etcd "$own_url" move-leader "$id" >/dev/null 2>&1; then return 0; fi
  done < <(list_members)
}

shown_certificate() {
  local at=${own_url#https://}
  openssl s_client -connect "$at" -cert "$tls_directory/member.crt" -key "$tls_directory/member.key" 2>/dev/null </dev/null |
    openssl x509 -noout -fingerprint -sha256 2>/dev/null || printf 'none\n'
}

keep_proved() {
  keep k3s-ha-etcd "$config_path" "$unit_path" "$tls_directory/ca.crt" "$tls_directory/member.crt" "$tls_directory/member.key"
  proved k3s-ha-etcd "$1"
}

# A new certificate is read for each new connection; other settings take a restart.
start_member() {
  local settings
  settings=$(fingerprint "$config_path" "$unit_path" "$initial_path" "$tls_directory/ca.crt")
  if ! runs_with k3s-ha-etcd "$settings"; then
    if is_healthy "$own_url" && [[ -e $state_directory/k3s-ha-etcd.proved ]]; then
      contact=$own_url
      require_others "Nothing was stopped"
      hand_over
      systemctl restart k3s-ha-etcd || fail "etcd does not start; its journal above says why"
    else
      systemctl start k3s-ha-etcd || fail "etcd does not start; its journal above says why"
    fi
  fi
  promote
  becomes_healthy "$own_url" 90 || fail "etcd is not healthy 90 s after its start; its journal above says why"
  [[ $(shown_certificate) == "$(openssl x509 -in "$tls_directory/member.crt" -noout -fingerprint -sha256)" ]] ||
    fail "etcd shows another certificate than it was given; see: journalctl --unit k3s-ha-etcd"
  keep_proved "$settings"
}

place_settings() {
  put_files
  systemctl daemon-reload
  systemctl enable --quiet k3s-ha-etcd
}

# Alone, by a restore on a host that is new: what its data are started with.
put_settings() {
  lock_host
  place_settings
}

put_member() {
  lock_host
  take_again k3s-ha-etcd
  place_settings
  remove_lost
  if has_data && ! is_member; then set_data_aside; fi
  if ! has_data; then if find_contact; then join; else form; fi; fi
  start_member
  print_revision etcd-member
}

apply() {
  may_form=$is_first
  put_member
}

# A change forms no etcd: the data of an existing member would be missed.
reapply() {
  if [[ $is_first == true ]]; then may_form=$starts_empty; fi
  put_member
}

# Its last member keeps the data of an etcd, and goes on: deleting a cluster's record must not delete the cluster.
remove() {
  local id status name peer client learner own="" voters=0
  lock_host
  [[ -e $initial_path ]] || return 0
  if find_contact; then
    while read -r id status name peer client learner; do
      if [[ $peer == "$peer_url" ]]; then own=$id; elif [[ $learner == false ]]; then voters=$((voters + 1)); fi
    done < <(list_members)
  fi
  if [[ -z $contact || (-n $own && $voters == 0) ]]; then
    printf '%s\n' "$host_name: etcd and its data in $data_directory are kept" >&2
    return 0
  fi
  if [[ -n $own ]]; then
    require_others "Nothing was removed"
    hand_over
    remove_member "$own" "$host_name"
  fi
  systemctl disable --quiet --now k3s-ha-etcd
  set_data_aside
  rm -rf "$config_path" "$tls_directory" "$state_directory"/k3s-ha-etcd.{proved,kept,refused} "$state_directory"/etcd-{member,tls}.revision
  printf '%s\n' "$host_name: what this member held is kept in $data_directory" >&2
}
