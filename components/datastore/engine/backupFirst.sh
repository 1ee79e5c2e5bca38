# shellcheck shell=bash
# Takes a backup before something changes. Where none was ever taken there is nothing to lose yet.
command_path=/usr/local/sbin/k3s-ha-backup
record=$state_directory/k3s-ha-backup.service.proved

# What cannot be told is no "no": a directory that is not there, or cannot be read, may hold everything.
was_ever_taken() {
  local list
  [[ ! -e $record ]] || return 0
  [[ -e $command_path ]] || return 1
  list=$("$command_path" list) ||
    die "$host_name is unchanged: it is unknown whether there are backups; the reason is above. Correct it, or set k3s-ha:backup.beforeChanges to false for this run."
  (($(wc -l <<<"$list") > 1))
}

apply() {
  was_ever_taken || return 0
  "$command_path" run --label "$label" >&2 ||
    die "$host_name is unchanged: no backup could be taken before its change; the reason is above. Correct it, or set k3s-ha:backup.beforeChanges to false for this run."
}

remove() { :; }
