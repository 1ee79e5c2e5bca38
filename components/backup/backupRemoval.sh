# shellcheck shell=bash
# Removes what backups need on a host: the program with its timers, and what is secret. Backups themselves stay.
unit=k3s-ha-backup
drill=k3s-ha-restore-drill
inspection=k3s-ha-backup-inspection
command_path=/usr/local/sbin/k3s-ha-backup
unit_directory=/etc/systemd/system

remove_drills() {
  [[ -e $unit_directory/$drill.timer ]] || return 0
  systemctl disable --quiet --now "$drill.timer"
  rm -f "$unit_directory/$drill.timer" "$unit_directory/$drill.service" "/var/lib/systemd/timers/stamp-$drill.timer"
}

# Nor are old figures left for monitoring to warn of for ever.
remove_metrics() {
  local directories
  mapfile -t directories < <(sed -nE 's/^(metrics_)?directory=(.+)/\2/p' "$settings_path" 2>/dev/null)
  rm -f "${directories[@]/%//k3s_ha_backup.prom}" /var/lib/prometheus/node-exporter/k3s_ha_backup.prom
}

remove_program() {
  local failed
  if [[ -e $unit_directory/$unit.timer ]]; then systemctl disable --quiet --now "$unit.timer"; fi
  remove_drills
  if [[ -e $unit_directory/$inspection.timer ]]; then systemctl disable --quiet --now "$inspection.timer"; fi
  rm -f "$unit_directory/$inspection.timer" "$unit_directory/$inspection.service" "/var/lib/systemd/timers/stamp-$inspection.timer"
  if [[ -e $unit_directory/$unit.service ]]; then systemctl stop "$unit.service"; fi
  remove_metrics
  rm -f "$unit_directory/$unit.timer" "$unit_directory/$unit.service" "$unit_directory/k3s-ha-failed@.service" "$command_path" "$program_path" "$settings_path" \
    "/var/lib/systemd/timers/stamp-$unit.timer" "$state_directory/$unit.service.proved"
  if [[ -d $(dirname "$program_path") ]]; then rmdir --ignore-fail-on-non-empty "$(dirname "$program_path")"; fi
  systemctl daemon-reload
  for failed in "$unit.service" "$drill.service" "$inspection.service"; do
    if systemctl is-failed --quiet "$failed"; then systemctl reset-failed "$failed"; fi
  done
  if getent passwd "$verifier" >/dev/null; then userdel "$verifier"; fi
}

remove_secrets() { rm -f "${paths[@]}" "$token_escrow" "$token_escrow.of" "$state_directory/$revision_name.revision"; }
