# shellcheck shell=bash
# Stands for a host that takes the backups. It sets nothing up; when another host takes them, it leaves nothing behind.

# The same host may have another name now, and continues.
is_named_anew() { [[ -e $settings_path && $(sed -n 's/^host_name=//p' "$settings_path") != "$host_name" ]]; }

apply() { :; }

remove() {
  lock_host
  if is_named_anew; then return; fi
  remove_program
  remove_secrets
  rm -f "$state_directory/upgrade-dump.version"
}
