# shellcheck shell=bash
# Removes optional files that no longer have content; a file of others stays.
remove_optional() {
  local path
  for path in "${optional_paths[@]}"; do
    [[ " ${put_paths[*]} " != *" $path "* ]] || continue
    remove_ours "$path"
    give_back "" "$path"
  done
}
