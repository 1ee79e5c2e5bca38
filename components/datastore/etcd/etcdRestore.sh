# shellcheck shell=bash
# Puts a backup in the place of an etcd's data, in phases that may each be repeated: "room" checks for space, "lock" reports the
# content, "prepare" makes data of the backup beside those of this member, "stop" stops a member and sets its data aside, "swap" does
# that and starts this member with the backup, as the only one, and "open" ends it, once the others have joined.
dump=$state_directory/restore/kine.sql.zst
beside=$data_directory/restoring
# Marks data that no server has written to yet: of an attempt that was interrupted, they are not kept.
mark=$data_directory/data/restored

apply() {
  lock_host
  own_url=$(sed -n 's/^ETCD_ADVERTISE_CLIENT_URLS=//p' "$config_path")
  peer_url=$(sed -n 's/^ETCD_INITIAL_ADVERTISE_PEER_URLS=//p' "$config_path")
  member_name=$(sed -n 's/^ETCD_NAME=//p' "$config_path")
  other_urls=() lost_members=()
  case $phase in
    room) prepare_room ;;
    lock) tell_content ;;
    prepare) prepare_data ;;
    stop) set_aside_data ;;
    swap) exchange ;;
    open) rm -f "$mark" ;;
  esac
}

prepare_room() {
  # A member that never ran, on a new host, has none yet.
  [[ -d $data_directory ]] || install --directory --mode=0700 --owner=etcd --group=etcd "$data_directory"
  check_room
}

# tell_content: keys and revision; nothing of an etcd that does not answer, such as one that an interrupted restore stopped.
tell_content() {
  local answer
  if answer=$(ask_etcd "$own_url" get '' --prefix --count-only --write-out fields 2>/dev/null); then
    printf '%s\t%s\n' "$(answer_field Count <<<"$answer")" "$(answer_field Revision <<<"$answer")"
  fi
}

# answer_field NAME: the number of that name in an answer on standard input.
answer_field() { sed -nE "s/^\"$1\" : ([0-9]+)\$/\1/p" | head -n 1; }

prepare_data() {
  restore_beside
  touch "$beside/restored"
  chown -R etcd:etcd "$beside"
}

set_aside_data() {
  systemctl stop k3s-ha-etcd
  rm -f "$initial_path" "$state_directory/k3s-ha-etcd.proved"
  [[ -e $data_directory/data ]] || return 0
  if [[ -e $data_directory/data-before-restore-$started || -e $mark ]]; then
    rm -rf "$data_directory/data"
  else
    mv -T "$data_directory/data" "$data_directory/data-before-restore-$started"
    printf '%s\n' "the old data of $host_name are kept in $data_directory/data-before-restore-$started"
  fi
}

exchange() {
  [[ -e $beside/restored ]] || die "$host_name: there are no data of the backup to exchange; run the restore again from its beginning"
  set_aside_data
  mv -T "$beside" "$data_directory/data"
  printf '%s\n' "ETCD_INITIAL_CLUSTER=$member_name=$peer_url" "ETCD_INITIAL_CLUSTER_STATE=new" "ETCD_INITIAL_CLUSTER_TOKEN=restored" | write_file "$initial_path"
  rm -f "$dump"
  systemctl start k3s-ha-etcd
  becomes_healthy "$own_url" 90 || die "$host_name: etcd is not healthy 90 s after its start with the backup's data; see: journalctl --unit k3s-ha-etcd"
  check_content
}

check_content() {
  local keys rest
  read -r keys rest < <(tell_content)
  [[ ${keys:-no} == "$expected_rows" ]] || die "$host_name: the restored etcd has ${keys:-no} keys, but the backup has $expected_rows. K3s was not started; run the restore again with another backup"
}

remove() { :; }
