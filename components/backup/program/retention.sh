# shellcheck shell=bash
# ---- which backups stay ----

# A backup that was taken for a reason, such as an upgrade, stays this long whatever came after it.
labelled_days=30

# kept_backups: from ids on standard input, the newest first, those that stay, each with the generations that keep it.
kept_backups() {
  local id reasons label newest=0 period number
  declare -A last=() count=()
  while read -r id; do
    reasons=
    ((newest++ >= setting[keep])) || reasons+=" newest"
    for period in daily weekly monthly; do
      case $period in
        daily) number=${id:0:8} ;;
        weekly) number=$(date --utc --date="${id:0:8}" +%G%V) ;;
        monthly) number=${id:0:6} ;;
      esac
      # The newest backup of each of the newest days, weeks or months that have one.
      if [[ ${last[$period]:-} != "$number" ]] && ((${count[$period]:-0} < setting[$period])); then
        count[$period]=$((${count[$period]:-0} + 1))
        reasons+=" $period"
      fi
      last[$period]=$number
    done
    label=$(label_of "$id")
    if [[ -n $label ]] && (($(date +%s) - $(date --date="${id:0:8}" +%s) < labelled_days * 86400)); then reasons+=" $label"; fi
    [[ -z $reasons ]] || say "$id$reasons"
  done
}

label_of() { manifest_value "$1" label; }

# removable_backups: from ids on standard input, the newest first, those that nothing keeps.
removable_backups() {
  local ids kept
  ids=$(cat)
  [[ -n $ids ]] || return 0
  kept=$(kept_backups <<<"$ids")
  grep --fixed-strings --line-regexp --invert-match --file=<(cut -d ' ' -f 1 <<<"$kept") <<<"$ids" || (($? == 1))
}

# note_history IDS [COPY]: sets history to a sentence, if the new backup has a shorter one than these.
note_history() {
  local longer
  longer=$(sort --unique <<<"$1"$'\n'"$id" | grep . | longer_history)
  [[ -z $longer || -n $history ]] || history=$(explain_history "$id" "$longer" "${2:-}")
}

# Only a successful run removes anything, and never its own backup. What is damaged does not count, and stays
# for a later analysis; so does what was never copied, if copies are configured.
remove_oldest() {
  local old good=()
  note_history "$(own_ids)"
  [[ -z $history ]] || return 0
  for old in $(backup_ids | tac); do
    is_own "$old" || continue
    if ! is_whole "$old"; then
      say "k3s-ha-backup: $directory/$old is damaged: check this disk, and remove it by hand" >&2
    elif [[ -z ${setting[copy_path]} ]] || is_copied "$old"; then
      good+=("$old")
    fi
  done
  mkdir "$work/removed"
  for old in $(if ((${#good[@]})); then printf '%s\n' "${good[@]}" | removable_backups; fi); do
    [[ $old != "$id" ]] || continue
    # Renamed first: a removal that is cut short leaves no half of a backup under a backup's name.
    mv "$directory/$old" "$work/removed/"
    say "removed $old, which no generation keeps"
  done
  rm -rf "$work/removed"
}

# A clock that went back would make the newest backup look old, so nothing is removed by it.
check_clock() {
  local newest
  newest=$(own_backup_ids | tail -n 1)
  [[ $newest == "$id" ]] ||
    die "backup $id was taken, but no old one was removed: $newest has a later time, so this host's clock was set back, or was wrong before; correct the clock, and remove backups with future times by hand"
}
