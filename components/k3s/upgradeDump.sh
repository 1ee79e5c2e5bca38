# shellcheck shell=bash
# A verified dump of the datastore before the first server gets another release: the only way back.
record=$state_directory/upgrade-dump.version

# Before the first backup there is no program, and no cluster that could be upgraded.
dump() {
  [[ -x $backup_program ]] || return 0
  "$backup_program" run --label pre-upgrade >&2 ||
    die "$host_name: the datastore could not be backed up before the upgrade to $version; the reason is above. No server was changed. Once \"k3s-ha-backup run\" succeeds on this host, run up again."
}

apply() {
  lock_host
  if [[ -s $record && $(<"$record") != "$version" ]]; then
    # It may wait half an hour for another backup; others may work on this host meanwhile.
    unlock_host
    dump
    lock_host
  fi
  write_file "$record" <<<"$version"
}

remove() {
  lock_host
  rm -f "$record"
}
