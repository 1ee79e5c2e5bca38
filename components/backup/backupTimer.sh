# shellcheck shell=bash
# Installs the backup program and its timer, and has it take the first backup.

# The verification server reads what came out of the datastore, so it runs as a user that can do nothing else.
add_verifier() {
  getent passwd "$verifier" >/dev/null ||
    useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin "$verifier"
}

# Open to pass through, for the verifier; every backup in it is open to root alone. One that exists is left as it is.
make_directory() { [[ -d $directory ]] || install --directory --mode=0711 "$directory"; }

# A user who can write there could put links in place of root's files, and forged backups.
check_directories() {
  local path
  for path in "$directory" "$metrics_directory"; do
    [[ -z $path || ! -e $path || $(stat --dereference --format='%u %a' "$path") =~ ^0\ [0-7]?[0-7][0145][0145]$ ]] ||
      die "$host_name: users other than root can write into $path, so no backups are stored there: chown root $path && chmod go-w $path, or choose another directory in k3s-ha:backup"
  done
}

check_units() {
  local answer
  local units=("$unit_directory/$unit.service" "$unit_directory/$unit.timer" "$unit_directory/k3s-ha-failed@$unit.service"
    "$unit_directory/$inspection.service" "$unit_directory/$inspection.timer")
  if [[ $drills == yes ]]; then units+=("$unit_directory/$drill.service" "$unit_directory/$drill.timer"); fi
  answer=$(systemd-analyze verify --recursive-errors=no "${units[@]}" 2>&1) ||
    die "$host_name: systemd refuses the backup's units: $answer"
}

start_timer() {
  systemctl enable --quiet "$1.timer"
  # A timer that runs keeps waiting for the time that it knows of.
  if [[ " ${changed_paths[*]} " == *" $unit_directory/$1.timer "* ]]; then
    systemctl restart "$1.timer"
  else
    systemctl start "$1.timer"
  fi
}

# What requires a new verified backup: the program, the login and the token, who may read backups, and their destination. A new
# schedule, or another number of backups to keep, needs no verification.
setup() { printf '%s\n' "$(fingerprint "$program_path") $credentials_revision $directory ${recipients[*]} $copy_destination"; }

# A run that began before this script did may have read an older login: it ends first, and verifies nothing.
wait_for_older_run() {
  local deadline=$((SECONDS + 900))
  while [[ $(systemctl show --property ActiveState --value "$unit.service") == activating ]]; do
    ((SECONDS < deadline)) || die "$host_name: a backup has been running for 15 minutes; see: journalctl --unit $unit.service"
    sleep 1
  done
}

# It was taken, of a shorter history than earlier ones: it was reported, and an operator may be about to restore one of those.
is_taken() { [[ $(systemctl show --property ExecMainStatus --value "$unit.service") == 4 ]]; }

take_first() {
  local now record=$state_directory/$unit.service.proved
  now=$(setup)
  if [[ -e $record && $(<"$record") == "$now" ]] && "$program_path" latest >/dev/null 2>&1; then return 0; fi
  # Others may work on this host meanwhile.
  unlock_host
  wait_for_older_run
  systemctl start "$unit.service" || is_taken || {
    journal_tail "$unit.service"
    die "$host_name: the backup failed; its journal above gives the reason. The timer will try again; earlier backups in $directory are unchanged."
  }
  proved "$unit.service" "$now"
}

# Drills that cannot succeed are known now, and not at night.
first_drill() {
  systemctl start "$drill.service" || {
    journal_tail "$drill.service"
    die "$host_name: the restore drill failed; its journal above gives the reason. The backup itself is stored."
  }
}

# One that opened nothing encrypted says nothing of encrypted backups.
was_drilled() { [[ -s $directory/.drilled && (${#recipients[@]} -eq 0 || $(sed -n 3p "$directory/.drilled") == encrypted) ]]; }

# A host that has MySQL's client keeps it.
choose_packages() {
  local name chosen=()
  for name in "${packages[@]}"; do
    if [[ $name == mariadb-client ]] && ! command -v mariadb-dump >/dev/null && command -v mysqldump >/dev/null; then continue; fi
    chosen+=("$name")
  done
  packages=("${chosen[@]}")
}

install_program() {
  check_directories
  choose_packages
  install_packages "${packages[@]}"
  add_verifier
  make_directory
  put_files
  ln --symbolic --force --no-dereference "$program_path" "$command_path"
}

# Alone, by a restore on a host that is new: what reading backups takes, before there is anything to back up.
prepare_restore() {
  lock_host
  install_program
}

# Prints the id of the newest backup of this cluster.
apply() {
  lock_host
  install_program
  if [[ $drills == no ]]; then remove_drills; fi
  check_units
  systemctl daemon-reload
  start_timer "$unit"
  start_timer "$inspection"
  if [[ $drills == yes ]]; then start_timer "$drill"; fi
  take_first
  if [[ $drills == yes ]] && ! was_drilled; then first_drill; fi
  "$program_path" latest
}

# A backup is never removed here, nor is the mounted disk that it may be on.
remove() {
  lock_host
  remove_program
  printf '%s\n' "$host_name: backups are no longer taken; existing ones stay in $directory" >&2
}
