#!/bin/bash
# Backups of a K3s datastore: takes and verifies one, or reports the existing ones.
set -euo pipefail
umask 077
export LC_ALL=C TZ=UTC PATH=${PATH:-/usr/bin:/bin}:/usr/local/sbin:/usr/sbin:/sbin

declare -A setting

say() { printf '%s\n' "$*"; }

die() {
  printf 'k3s-ha-backup: %s\n' "$*" >&2
  exit 1
}

# only_ours PATH: it is root's and no other user can write there, so no name in it is a planted link.
only_ours() { [[ $(stat --dereference --format='%u %a' "$1") =~ ^0\ [0-7]?[0-7][0145][0145]$ ]]; }

# The settings are read, not executed: lines "name=value". Those that may be empty stand for something that is not asked for.
read_settings() {
  local file=${K3S_HA_BACKUP_CONFIG:-/etc/k3s-ha/backup.conf} line name
  [[ -r $file ]] || die "cannot read the settings in $file; run as root"
  only_ours "$file" || die "users other than root can write the settings in $file, so they are not used: chown root $file && chmod go-w $file, then run pulumi up"
  while IFS= read -r line; do setting[${line%%=*}]=${line#*=}; done <"$file"
  for name in host_name directory keep daily weekly monthly max_age_seconds database source \
    token_fingerprint_file manifest_key_file k3s_version verifier "${driver_settings[@]}"; do
    [[ -n ${setting[$name]:-} ]] || die "$file lacks the setting $name; run pulumi up again"
  done
  for name in recipients token_escrow copy_config copy_path copy_destination copy_prune metrics_directory on_failure webhook_config drill_max_age_seconds drill_required drill_identity; do
    setting[$name]=${setting[$name]:-}
  done
  directory=${setting[directory]}
  work=$directory/.partial
  [[ -d $directory ]] || die "the backup directory $directory does not exist; is its disk mounted?"
  only_ours "$directory" || die "users other than root can write into the backup directory $directory, so its content cannot be trusted: chown root $directory && chmod go-w $directory"
  # What cannot be read is not empty.
  ls -A "$directory" >/dev/null || die "the backup directory $directory cannot be read; the reason is above"
  token_fingerprint=$(<"${setting[token_fingerprint_file]}") || die "cannot read ${setting[token_fingerprint_file]}; run as root"
  read_key "${setting[manifest_key_file]}"
  accepted=
  if [[ -s $directory/.accepted ]]; then accepted=$(<"$directory/.accepted"); fi
}

utc() { date --utc --date="@$1" "+$2"; }

json_string() {
  local text=${1//\\/\\\\}
  printf '"%s"' "${text//\"/\\\"}"
}
