# shellcheck shell=bash
# ---- telling others ----

default_metrics_directory=/var/lib/prometheus/node-exporter

metrics_directory() {
  if [[ -n ${setting[metrics_directory]} ]]; then
    say "${setting[metrics_directory]}"
  elif [[ -d $default_metrics_directory ]]; then
    say "$default_metrics_directory"
  else
    say "$directory"
  fi
}

# metric NAME HELP VALUE: nothing without a value.
metric() {
  [[ -n $3 ]] || return 0
  printf '# HELP k3s_ha_backup_%s %s\n# TYPE k3s_ha_backup_%s gauge\nk3s_ha_backup_%s %s\n' "$1" "$2" "$1" "$1" "$3"
}

# moment_of ID: when what is in a backup was read, in seconds.
moment_of() { if [[ -n $1 ]]; then date --date="$(manifest_value "$1" startedAt)" +%s; fi; }

newest_copied() {
  local id
  [[ -n ${setting[copy_path]} ]] || return 0
  for id in $(own_backup_ids | tac); do
    if is_copied "$id"; then
      say "$id"
      return
    fi
  done
}

# The drill leaves its time here when it succeeds.
last_drill() { if [[ -s $directory/.drilled ]]; then head -n 1 "$directory/.drilled"; fi; }

# drilled: when the last restore drill succeeded, in seconds, and of which backup; nothing when none has.
drilled() { if [[ -s $directory/.drilled ]]; then head -n 2 "$directory/.drilled" | paste --serial --delimiters=' '; fi; }

# has_opened_encrypted: whether the last one opened an encrypted backup.
has_opened_encrypted() { [[ -s $directory/.drilled && $(sed -n 3p "$directory/.drilled") == encrypted ]]; }

# metrics STATUS NEWEST
metrics() {
  metric last_run_timestamp_seconds "When the last run ended." "$(date +%s)"
  metric last_run_success "Whether the last run succeeded." "$(($1 == 0))"
  metric last_verified_timestamp_seconds "When the newest verified backup was begun." "$(moment_of "$2")"
  metric last_copied_timestamp_seconds "When the newest backup was begun whose copy was read back." "$(moment_of "$(newest_copied)")"
  metric last_drill_timestamp_seconds "When the last restore drill succeeded." "$(last_drill)"
  metric kept "Verified backups of this cluster on this host." "$(own_backup_ids | wc -l)"
  [[ -n $2 ]] || return 0
  metric rows "Rows in the newest verified backup." "$(manifest_value "$2" rows)"
  metric size_bytes "Size of the newest verified backup." "$(manifest_value "$2" size)"
}

# write_metrics STATUS: for the node exporter, in its textfile format; those that cannot be written fail no backup.
write_metrics() {
  local target newest
  target=$(metrics_directory)
  newest=$(own_backup_ids | tail -n 1)
  if [[ -d $target ]] && ! only_ours "$target"; then
    say "k3s-ha-backup: users other than root can write into $target, so no metrics were written there: chown root $target && chmod go-w $target" >&2
  elif ! (put_metrics "$target" "$1" "$newest"); then
    say "k3s-ha-backup: the metrics in $target/k3s_ha_backup.prom could not be written" >&2
  fi
}

# put_metrics DIRECTORY STATUS NEWEST: in the directory itself, whatever its name leads to a moment later, and through no link.
put_metrics() {
  local new
  cd -P "$1" && only_ours . && new=$(mktemp .k3s_ha_backup.XXXXXX) || return
  metrics "$2" "$3" >"$new" && chmod 0644 "$new" && mv --force --no-target-directory "$new" k3s_ha_backup.prom
}

# seconds_of TEXT: 90, 90s, 15m, 2h or 3d.
seconds_of() {
  [[ $1 =~ ^([1-9][0-9]{0,8})([smhd]?)$ ]] || {
    printf 'k3s-ha-backup: --max-age takes a time such as 90m, 3h or 2d, and got "%s"\n' "$1" >&2
    exit 3
  }
  case ${BASH_REMATCH[2]} in
    m) say $((BASH_REMATCH[1] * 60)) ;;
    h) say $((BASH_REMATCH[1] * 3600)) ;;
    d) say $((BASH_REMATCH[1] * 86400)) ;;
    *) say "${BASH_REMATCH[1]}" ;;
  esac
}

age_of() { say "$((($(date +%s) - $(moment_of "$1")) / 60)) min"; }

# check [--max-age TIME]: one line, and an exit code as monitoring plugins have: 0 good, 2 not, 3 could not be told.
check() {
  local seconds=${setting[max_age_seconds]} newest longer copied drilled
  if [[ ${1:-} == --max-age ]]; then seconds=$(seconds_of "${2:-}"); fi
  newest=$(own_backup_ids | tail -n 1)
  if [[ -z $newest ]]; then
    say "CRITICAL: there is no verified backup of this cluster in $directory"
    return 2
  fi
  if (($(moment_of "$newest") > $(date +%s) + 300)); then
    say "CRITICAL: the newest verified backup $newest has a time in the future, so this host's clock is wrong, or was when the backup was taken; correct the clock, and remove that backup by hand"
    return 2
  fi
  longer=$(own_ids | longer_history)
  if [[ -n $longer ]]; then
    say "CRITICAL: $(explain_history "$newest" "$longer")"
    return 2
  fi
  if (($(date +%s) - $(moment_of "$newest") > seconds)); then
    say "CRITICAL: the newest verified backup $newest is $(age_of "$newest") old; see: journalctl --unit k3s-ha-backup"
    return 2
  fi
  copied=$(newest_copied)
  if [[ -n ${setting[copy_path]} && -z $copied ]]; then
    say "CRITICAL: no backup was copied to ${setting[copy_destination]} yet"
    return 2
  fi
  if [[ -n $copied ]] && (($(date +%s) - $(moment_of "$copied") > seconds)); then
    say "CRITICAL: the newest copy in ${setting[copy_destination]}, $copied, is $(age_of "$copied") old; see: journalctl --unit k3s-ha-backup"
    return 2
  fi
  if [[ -n ${setting[drill_required]} ]] && ! has_opened_encrypted; then
    say "CRITICAL: no restore drill has opened an encrypted backup yet, so the recipients' keys are untested: run k3s-ha-backup drill --identity FILE with the key of a recipient, or set k3s-ha:backup.drill"
    return 2
  fi
  if [[ -n ${setting[drill_max_age_seconds]} ]]; then
    drilled=$(last_drill)
    if [[ -z $drilled ]]; then
      say "CRITICAL: no restore drill has succeeded yet; see: journalctl --unit k3s-ha-restore-drill"
      return 2
    fi
    if (($(date +%s) - drilled > setting[drill_max_age_seconds])); then
      say "CRITICAL: the last successful restore drill was $((($(date +%s) - drilled) / 60)) min ago; see: journalctl --unit k3s-ha-restore-drill"
      return 2
    fi
  fi
  say "OK: the newest verified backup $newest is $(age_of "$newest") old${copied:+, and the newest copy $(age_of "$copied")}"
}

# failed UNIT: systemd calls this when a unit failed; it notifies the destinations in the configuration.
failed() {
  local unit=$1 reason message status=0
  reason=$(journalctl --output cat --no-pager ${MONITOR_INVOCATION_ID:+"_SYSTEMD_INVOCATION_ID=$MONITOR_INVOCATION_ID"} \
    --unit "$unit" --lines 100 | sed -nE 's/^k3s-ha-backup: //p' | tail -n 1) || reason=
  message="$unit on ${setting[host_name]} failed: ${reason:-${MONITOR_SERVICE_RESULT:-see its journal there}}"
  say "$message"
  if [[ -n ${setting[on_failure]} ]]; then
    K3S_HA_UNIT=$unit K3S_HA_HOST=${setting[host_name]} K3S_HA_MESSAGE=$message /bin/sh -c "${setting[on_failure]}" <<<"$message" || {
      say "k3s-ha-backup: the command of k3s-ha:backup.onFailure ended with $?" >&2
      status=1
    }
  fi
  if [[ -n ${setting[webhook_config]} ]]; then
    # The address is a secret: it stands in a file, and in no message.
    printf '{"text": %s, "unit": %s, "host": %s}\n' "$(json_string "$message")" "$(json_string "$unit")" "$(json_string "${setting[host_name]}")" |
      curl --config "${setting[webhook_config]}" --silent --fail --output /dev/null --max-time 30 --retry 3 \
        --header 'Content-Type: application/json' --data-binary @- || {
      say "k3s-ha-backup: the webhook did not accept the message (curl ended with $?)" >&2
      status=1
    }
  fi
  return "$status"
}
