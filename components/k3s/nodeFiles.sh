# shellcheck shell=bash
# Files that a node has besides those of K3s itself, such as those that its owner names. A step before this one stages their content,
# since a file may hold secrets, and this one has none.
node_files_staging=$state_directory/node-files

# is_among WORD LIST...
is_among() {
  local word=$1 each
  shift
  for each in "$@"; do
    if [[ $each == "$word" ]]; then return 0; fi
  done
  return 1
}

# read_owned_files: the paths, in owned_files, at which this program may have put a file. They include those of a failed change.
read_owned_files() {
  owned_files=()
  if [[ -f $state_directory/$unit.files ]]; then mapfile -t owned_files <"$state_directory/$unit.files"; fi
}

# put_original PATH: makes PATH what it was before this program put a file there, absent included.
put_original() { put_copy "$originals_directory" "$1"; }

# Before a path is written, it is recorded, and what others left there is kept.
place_node_files() {
  local index path
  load_kernel_settings
  read_owned_files
  for path in ${node_file_paths[@]+"${node_file_paths[@]}"}; do
    if is_among "$path" ${owned_files[@]+"${owned_files[@]}"}; then continue; fi
    set_aside "" "$path"
    owned_files+=("$path")
  done
  ((${#owned_files[@]})) || return 0
  printf '%s\n' "${owned_files[@]}" | write_file "$state_directory/$unit.files"
  for index in "${!node_file_paths[@]}"; do
    path=${node_file_paths[index]}
    put_file "$path" "${node_file_modes[index]}" root:root <"$node_files_staging$path"
  done
  for path in "${owned_files[@]}"; do
    if ! is_among "$path" ${node_file_paths[@]+"${node_file_paths[@]}"}; then put_original "$path"; fi
  done
}

# In each run, since a kubelet that protects them does not start with others.
load_kernel_settings() {
  local path fault
  for path in ${node_file_paths[@]+"${node_file_paths[@]}"}; do
    [[ $path == /etc/sysctl.d/* ]] || continue
    fault=$(sysctl --quiet --load="$node_files_staging$path" 2>&1) ||
      die "$host_name: the kernel settings of $path cannot be made: ${fault##*$'\n'}. K3s was not restarted. Correct the file, or the host's kernel, and run up again."
  done
}

# withdraw_node_files PATH...: after a failed change, of which the PATHs were put back: the files that it added.
withdraw_node_files() {
  local path
  read_owned_files
  for path in ${owned_files[@]+"${owned_files[@]}"}; do
    if ! is_among "$path" "$@"; then put_original "$path"; fi
  done
}

# settle_node_files: after the verification, what is no longer configured is forgotten.
settle_node_files() {
  local path
  read_owned_files
  for path in ${owned_files[@]+"${owned_files[@]}"}; do
    if is_among "$path" ${node_file_paths[@]+"${node_file_paths[@]}"}; then continue; fi
    give_back "" "$path"
    rm -f "$node_files_staging$path"
  done
  if ((${#node_file_paths[@]})); then
    printf '%s\n' "${node_file_paths[@]}" | write_file "$state_directory/$unit.files"
  else
    rm -rf "$state_directory/$unit.files" "$node_files_staging"
  fi
}

# remove_node_files: makes all paths what they were.
remove_node_files() {
  local path
  read_owned_files
  for path in ${owned_files[@]+"${owned_files[@]}"}; do
    rm -f "$path"
    give_back "" "$path"
  done
  rm -rf "$state_directory/$unit.files" "$node_files_staging"
}
