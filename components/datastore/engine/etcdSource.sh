# shellcheck shell=bash
# ---- reading an etcd ----

# The name of a dump, and what the settings have to have for this engine.
dump_name=etcd.snapshot
driver_settings=(member_url member_ca member_certificate member_key)

export ETCDCTL_API=3

# A snapshot is read from the member on this host, with a certificate that it has there.
choose_client() {
  member_url=${setting[member_url]}
  # A member of an etcd of the stack's own listens on its host's address alone.
  [[ $member_url != /* ]] || member_url=$(sed -n 's/^ETCD_ADVERTISE_CLIENT_URLS=//p' "$member_url" 2>/dev/null) || member_url=
  [[ -n $member_url && -r ${setting[member_key]} ]] || die "this host is no member of the etcd, so it takes no backups of it; name a member in k3s-ha:backup.host, and run pulumi up"
  client=(etcdctl --cacert "${setting[member_ca]}" --cert "${setting[member_certificate]}" --key "${setting[member_key]}" --dial-timeout 5s --endpoints "$member_url")
}

# ask_source COMMAND...: by a read that a majority agrees to, unless the command reads another way.
ask_source() {
  timeout 60 "${client[@]}" --command-timeout 30s "$@" 2>"$work/complaints" || die "$(explain_source "$(complaint)")"
}

explain_source() {
  local source=${setting[source]}
  case $1 in
    *certificate* | *tls:*) say "the TLS certificate of the etcd at $member_url could not be verified, so nothing was read from it: $1" ;;
    *deadline* | *refused* | *unavailable* | *"no leader"*) say "the etcd at $source does not answer; check that this member and a majority of the others run: $1" ;;
    *) say "the etcd at $source could not be read: $1" ;;
  esac
}

# field NAME: the number of that name in an answer on standard input.
field() { sed -nE "s/^\"$1\" : \"?([^\"]*)\"?\$/\1/p" | head -n 1; }

# What the snapshot has to reach at least, and how much room it takes.
look_at_source() {
  local answer status
  answer=$(ask_source get '' --prefix --count-only --write-out fields)
  status=$(ask_source endpoint status --write-out fields)
  rows_before=$(field Count <<<"$answer") revision_before=$(field Revision <<<"$answer") compacted_before=0
  source_bytes=$(field DBSize <<<"$status") server_version=$(field Version <<<"$status")
  engine=etcd
  ((rows_before > 0)) || die "the etcd at ${setting[source]} holds no cluster, because K3s never started on it"
}

# The snapshot, its compressed copy, and the verification member with a log of its own.
check_space() {
  local needed=$((3 * source_bytes + (160 << 20))) free
  free=$(free_bytes)
  ((free >= needed)) ||
    die "$directory has $((free >> 20)) MiB left, but a backup in progress needs up to $((needed >> 20)) MiB; free some space, or keep fewer backups"
}

dump() {
  local status=0
  attend timeout 1800 "${client[@]}" snapshot save "$work/$dump_name" >/dev/null || status=$?
  ((status < 128)) || die "the signal $(kill -l "$status") ended the snapshot before it was complete"
  ((status != 124)) || die "the snapshot took longer than 30 minutes"
  ((status == 0)) || ! is_disk_full || die "the snapshot could not be written: $(complaint)"
  ((status == 0)) || die "$(explain_source "$(complaint)")"
}
