# shellcheck shell=bash
# Of the files that there may be, those that there is no content for any more go; one that somebody else wrote stays.
remove_optional() {
  local path
  for path in "${optional_paths[@]}"; do
    [[ " ${put_paths[*]} " != *" $path "* ]] || continue
    remove_ours "$path"
    give_back "" "$path"
  done
}
