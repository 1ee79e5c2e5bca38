# shellcheck shell=bash
# Files with secrets. The service that reads them restarts when the printed revision changes.

apply() {
  lock_host
  set_aside "" "${replaced_paths[@]}"
  # What is put now counts, and not what a failed change of its reader left for the next attempt.
  rm -f "$state_directory/$reader.refused"
  put_files
  remove_optional
  print_revision "$revision_name"
}

remove() {
  lock_host
  if [[ -n ${claim:-} ]] && is_claimed_elsewhere; then return 0; fi
  put_paths=()
  remove_optional
  rm -f "${paths[@]}" "$state_directory/$revision_name.revision"
}
