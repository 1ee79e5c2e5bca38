#!/bin/bash
# Backups of a K3s datastore: takes one and proves it, or tells about those there are.
set -euo pipefail
umask 077
export LC_ALL=C TZ=UTC PATH=${PATH:-/usr/bin:/bin}:/usr/local/sbin:/usr/sbin:/sbin

declare -A setting

say() { printf '%s\n' "$*"; }

die() {
  printf 'k3s-ha-backup: %s\n' "$*" >&2
  exit 1
}

# The settings are read, not executed: lines "name=value". Those that may be empty stand for something that is not asked for.
read_settings() {
  local file=${K3S_HA_BACKUP_CONFIG:-/etc/k3s-ha/backup.conf} line name
  [[ -r $file ]] || die "cannot read the settings in $file; run as root"
  while IFS= read -r line; do setting[${line%%=*}]=${line#*=}; done <"$file"
  for name in host_name directory keep daily weekly monthly max_age_seconds database source client_options \
    token_fingerprint_file manifest_key_file k3s_version verifier; do
    [[ -n ${setting[$name]:-} ]] || die "$file lacks the setting $name; run pulumi up again"
  done
  for name in recipients token_escrow copy_config copy_path copy_destination copy_prune metrics_directory on_failure webhook_config drill_max_age_seconds drill_identity; do
    setting[$name]=${setting[$name]:-}
  done
  directory=${setting[directory]}
  work=$directory/.partial
  [[ -d $directory ]] || die "the backup directory $directory does not exist; is its disk mounted?"
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
