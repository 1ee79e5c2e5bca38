# shellcheck shell=bash
# ---- the commands ----

usage() {
  cat <<'TEXT'
usage: k3s-ha-backup COMMAND
  run                    take a backup, verify that it can be restored, copy it off, and remove the oldest ones
  run --label WORD       the same before a change: waits for a run that is under way, and the backup stays for 30 days
  list                   show the backups on this host
  latest                 print the id of the newest backup of this cluster
  latest --json          print the manifest of that backup
  drill [ID]             restore a backup, the newest by default, into a scratch server and open its keys; --identity FILE
                         names the key of a recipient
  drilled                print when the last such drill succeeded, in seconds, and of which backup
  copies                 print the ids of the backups where copies go
  fetch ID|latest        bring a copy back to this host; --unsigned after the id: one that has no signature too
  extract ID FILE        write the dump of a backup, in the clear, compressed, to FILE, for a restore; --identity FILE
  replace ID --login FILE  replace the content of an existing datastore by a backup, with K3s stopped;
                         FILE is an option file with an administrator's login; --identity FILE
  show ID                print the manifest of a backup
  verify [ID...]         read backups again, all of them by default, and compare them with what was written and signed
  inspect                the same of the copies, by their signatures and sizes, and of the newest all; then check
  sign ID...             vouch for backups that have no signature, and that you know to be this cluster's
  accept ID              the cluster's history begins with this backup: those of a longer one before it are removed in turn
  check [--max-age TIME] for monitoring: ends with 0 if the newest backup, and its copy, are young enough, else with 2
TEXT
}

# Locks out other runs until this one ends.
lock() {
  exec 9>"$directory/.lock"
  if [[ -n $label ]]; then
    flock --timeout 1800 9 || die "another backup has been running on this host for 30 minutes; this run did nothing"
  else
    flock --nonblock 9 || die "another backup is running on this host; this run did nothing"
  fi
}

# The second in which it began and the revision name a backup; two that began in the same one would be one.
name_backup() {
  id=$(utc "$started" %Y%m%dT%H%M%SZ)-$revision
  while [[ -e $directory/$id ]]; do
    sleep 0.2
    started=$(date +%s)
    id=$(utc "$started" %Y%m%dT%H%M%SZ)-$revision
  done
}

run() {
  local started label='' history=''
  if [[ ${1:-} == --label ]]; then
    label=${2:-}
    [[ $label =~ ^[a-z][a-z0-9-]{0,39}$ ]] || die "--label takes characters a to z, 0 to 9 and \"-\", such as pre-upgrade"
  fi
  lock
  started=$(date +%s)
  begin_work
  choose_client
  look_at_source
  check_space
  dump
  verify
  name_backup
  publish
  copy_off
  check_clock
  remove_oldest
  remove_oldest_copies
  tell_unsigned
  say "backup $id: $rows rows, $(numfmt --to=iec "$(manifest_value "$id" size)"), restored and checked in $(($(date +%s) - started)) s"
  [[ -z $history ]] || tell_history
}

# A backup before a change counts in any case; a scheduled one fails, so that it is reported, and with a status
# of its own, because it was taken.
tell_history() {
  say "k3s-ha-backup: $history" >&2
  [[ -n $label ]] || exit 4
}

case ${1:-} in
  run | list | latest | check | failed | drill | drilled | extract | replace | show | copies | fetch | inspect | sign | accept)
    read_settings
    [[ ! $1 =~ ^(run|list|latest|check|inspect)$ ]] || tell_signatures
    "$@"
    ;;
  verify)
    read_settings
    verify_kept "${@:2}"
    ;;
  *)
    usage >&2
    exit 2
    ;;
esac
