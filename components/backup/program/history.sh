# shellcheck shell=bash
# ---- one history: revisions go up, whatever is restored, and a datastore that was replaced by an emptier one shows ----

# longer_history: of ids on standard input, the oldest first, the one at the highest revision, if the newest is below it. What
# is older than the backup that "accept" named is of a history that was given up.
longer_history() {
  local id newest='' highest=''
  while read -r id; do
    [[ ! $id < $accepted ]] || continue
    if [[ -z $highest ]] || ((${id##*-} > ${highest##*-})); then highest=$id; fi
    newest=$id
  done
  if [[ -n $newest ]] && ((${newest##*-} < ${highest##*-})); then say "$highest"; fi
}

# own_ids: of all backups of this cluster, the oldest first, those whose dump is damaged too.
own_ids() {
  local id
  for id in $(backup_ids); do if is_own "$id"; then say "$id"; fi; done
}

# explain_history NEWEST LONGER [COPY]: what it means that NEWEST is at a lower revision than LONGER, and what to do.
explain_history() {
  say "the newest backup $1 is at revision ${1##*-}, but the earlier $2 at ${2##*-}: the datastore has a shorter history than before, so it was replaced or emptied, and no old backup is removed. To return to the cluster of $2: make restore BACKUP=$2${3:+ FROM=copy}. To continue with the shorter history: k3s-ha-backup accept $1"
}

# accept ID: the history that begins with this backup is the cluster's; what is older is kept and removed as any other.
accept() {
  local label=accept
  lock
  begin_work
  require_backup "${1:-}"
  require_own "$1"
  say "$1" >"$work/accepted"
  sync "$work/accepted"
  mv "$work/accepted" "$directory/.accepted"
  say "the cluster's history now begins with backup $1; older backups stay as long as a generation keeps them"
}
