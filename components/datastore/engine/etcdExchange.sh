# shellcheck shell=bash
# Makes data of a member of etcd from a backup, beside those of this host. Reads `data_directory`, `beside`, `dump`, `member_name`,
# `peer_url` and the manifest's `expected_…`; `tell_content` prints rows and revision of what the etcd holds.

# The snapshot, and the data that are made of it.
check_room() {
  local free needed=$((3 * expected_bytes + (256 << 20)))
  rm -rf "$dump" "$dump.new" "$beside"
  free=$(df --output=avail --block-size=1 "$data_directory" | tail -n 1)
  ((free >= needed)) ||
    die "$host_name: $data_directory has $((free >> 20)) MiB free, but a restore needs $((needed >> 20)) MiB there; free some space, then run it again. Nothing was changed."
}

# choose_revision: one that no client of the cluster can have seen. It comes from the clock, and not from what the etcd holds: that may be
# gone, or be what an earlier restore of an older backup left. A thousand for each second are more than a cluster writes.
choose_revision() {
  local rows current
  read -r rows current < <(tell_content) || current=0
  raised=$(($(date +%s) * 1000))
  ((raised > ${current:-0} && raised > expected_revision)) || raised=$(((${current:-0} > expected_revision ? ${current:-0} : expected_revision) + 1000000000))
}

restore_beside() {
  local snapshot=$beside.snapshot raised
  choose_revision
  rm -rf "$beside" "$snapshot"
  (umask 077 && zstd --quiet --decompress -o "$snapshot" "$dump") || die "$host_name: the backup cannot be unpacked; etcd's data are unchanged"
  [[ $(stat --format %s "$snapshot") == "$expected_bytes" ]] || die "$host_name: the unpacked backup is not whole; run the restore again. etcd's data are unchanged"
  # A watch from before is told that its revision is gone, and lists everything again; no revision is ever used twice.
  answer_of etcdutl snapshot restore "$snapshot" --data-dir "$beside" --name "$member_name" \
    --initial-cluster "$member_name=$peer_url" --initial-advertise-peer-urls "$peer_url" --initial-cluster-token "$(</proc/sys/kernel/random/uuid)" \
    --bump-revision "$((raised - expected_revision))" --mark-compacted >/dev/null || die "$host_name: etcdutl cannot restore the backup; etcd's data are unchanged. Run the restore again with another backup"
  rm "$snapshot"
  printf '%s\n' "revisions continue from $raised, so that watches list everything again"
}
