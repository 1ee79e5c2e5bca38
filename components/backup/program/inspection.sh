# shellcheck shell=bash
# ---- inspection: what was good once, checked again on a schedule ----

# inspect: the copies, then the result of "check"; ends with a message, so that missing copies are reported.
inspect() {
  local label=inspect answer
  lock
  begin_work
  if [[ -n ${setting[copy_path]} ]]; then inspect_copies; fi
  answer=$(check --max-age "${setting[max_age_seconds]}s") || die "${answer#CRITICAL: }"
  say "$answer"
}

# expected_copies: ids of the backups here whose copies have to be there. Where the store removes copies itself, the newest.
expected_copies() {
  local id
  for id in $(own_backup_ids); do if is_copied "$id"; then say "$id"; fi; done |
    if [[ ${setting[copy_prune]} == yes ]]; then cat; else tail -n 1; fi
}

# A copy that is not as it was counts as none from here on, so that the next run makes it again.
inspect_copies() {
  local id expected newest found bad=() forged
  expected=$(expected_copies)
  newest=$(tail -n 1 <<<"$expected")
  list_copies
  found=$(own_copies)
  for id in $expected; do
    if ! grep --quiet --fixed-strings --line-regexp "$id" <<<"$found" || { [[ $id == "$newest" ]] && ! attend reads_back "$id"; }; then
      bad+=("$id")
      rm -f "$directory/$id/copied"
    fi
  done
  forged=$(forged_copies)
  ((${#bad[@]} == 0)) || die "copies in ${setting[copy_destination]} are missing or damaged, and the next run makes them again: ${bad[*]}; find out what removes or changes them there"
  [[ -z $forged ]] || die "copies in ${setting[copy_destination]} are forged or damaged, so they cannot be restored: ${forged//$'\n'/ }; find out who writes there, and remove them by hand"
}

reads_back() { remote check --download --one-way --exclude copied "$directory/$1" "$(copy_of "$1")"; }

forged_copies() {
  local directory=$work/copies id
  for id in $(backup_ids); do if [[ $(signature_state "$id") == forged ]]; then say "$id"; fi; done
}
