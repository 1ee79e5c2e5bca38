# shellcheck shell=bash
# ---- a run's programs, and what is left of them ----

child=
verification_server=

# Runs in the background and waits, so that a signal is acted on at once and not when the child is done.
attend() {
  local status=0
  "$@" 2>"$work/complaints" &
  child=$!
  # The shell's own remark on a child that was killed; the caller says it better.
  wait "$child" 2>/dev/null || status=$?
  child=
  return "$status"
}

# end PID: a child that has nothing to finish, and what it started. It is waited for in any case: of one that was gone before,
# the shell would say so among the messages.
end() {
  pkill -KILL --parent "$1" || (($? == 1))
  if kill -KILL "$1"; then wait "$1" || return 0; fi
} 2>/dev/null

# begin_work: removes now what a killed run left, and at its end what this run leaves.
begin_work() {
  rm -rf "$work"
  trap clean_up EXIT
  trap 'printf "k3s-ha-backup: stopped by a signal; the earlier backups are as they were\n" >&2; exit 143' HUP INT TERM
  mkdir "$work"
}

clean_up() {
  local status=$? pid
  trap - EXIT
  trap '' HUP INT TERM
  for pid in $child $verification_server; do end "$pid"; done
  rm -rf "$work"
  write_metrics "$status"
  exit "$status"
}

# A full disk takes the complaints with it, so it is looked for first.
is_disk_full() { (($(free_bytes) < 1 << 20)); }
free_bytes() { df --output=avail --block-size=1 "$directory" | tail -n 1; }

# The last line that a program printed which failed, without its name. The lines before can quote what it was given.
complaint() {
  if is_disk_full; then
    say "the disk of $directory is full"
  else
    # age ends its own with where to report them.
    sed -E '/\/age\/report/d; s/^[a-z-]+: (error: )?//' "$work/complaints" | tail -n 1
  fi
}
