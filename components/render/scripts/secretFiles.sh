# shellcheck shell=bash
# Files that hold secrets. Whoever reads them restarts when the printed revision changes.
apply() {
  lock_host
  put_files
  print_revision "$revision_name"
}

remove() {
  lock_host
  rm -f "${paths[@]}" "$state_directory/$revision_name.revision"
}
