# shellcheck shell=bash
# Puts a backup in the place of K3s's own etcd, in phases that may each be repeated: "room" checks for space, "lock" reports the content
# once K3s has stopped, "prepare" makes data of the backup beside those of this server, "stop" has another server join this one again,
# "swap" gives this server the backup, as the only member. No server's old data are removed.
dump=$state_directory/restore/kine.sql.zst
data_directory=/var/lib/rancher/k3s/server/db
etcd_directory=$data_directory/etcd
beside=$data_directory/etcd-restoring
join_path=/etc/rancher/k3s/config.yaml.d/80-k3s-ha-etcd.yaml

apply() {
  lock_host
  [[ $phase == room ]] || require_stopped
  case $phase in
    room) prepare_room ;;
    lock) tell_content ;;
    prepare) prepare_data ;;
    stop) join_again ;;
    swap) exchange ;;
  esac
}

require_stopped() {
  ! systemctl is-active --quiet k3s || die "$host_name: K3s runs, and would write on; run the restore again from its beginning"
}

prepare_room() {
  (umask 077 && mkdir -p "$data_directory")
  check_room
}

# tell_content: rows and revision, from the file; nothing without one that can be read.
tell_content() {
  local answer
  if answer=$(etcdutl snapshot status "$etcd_directory/member/snap/db" --write-out json 2>/dev/null); then
    sed -nE 's/.*"revision":([0-9]+),"totalKey":([0-9]+).*/\2\t\1/p' <<<"$answer"
  fi
}

# The name that K3s gave its member, or one like it.
choose_name() {
  member_name=$(cat "$etcd_directory/name" 2>/dev/null) || member_name=""
  [[ -n $member_name ]] || member_name=$host_name-$(od --address-radix=n --read-bytes=4 --format=x4 /dev/urandom | tr -d ' \n')
}

prepare_data() {
  choose_name
  peer_url=https://$address:2380
  restore_beside
  printf '%s' "$member_name" >"$beside/name"
  chmod 0700 "$beside"
}

set_aside_data() {
  [[ -e $etcd_directory ]] || return 0
  mv -T "$etcd_directory" "$data_directory/etcd-before-restore-$started"
  printf '%s\n' "the old data of $host_name are kept in $data_directory/etcd-before-restore-$started"
}

join_again() {
  # A host that K3s is not on joins as any new one.
  [[ -d ${join_path%/*} ]] || return 0
  set_aside_data
  write_file "$join_path" 0600 <<<"server: \"https://$address:6443\""
}

exchange() {
  [[ -e $beside/name ]] || die "$host_name: there are no data of the backup to exchange; run the restore again from its beginning"
  set_aside_data
  mv -T "$beside" "$etcd_directory"
  if [[ -d ${join_path%/*} ]]; then write_file "$join_path" 0600 <<<"cluster-init: true"; fi
  # On a new host, what says that these data are this stack's.
  write_file "$init_mark" <<<"$host_name"
  rm -f "$dump"
}

remove() { :; }
