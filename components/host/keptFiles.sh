# shellcheck shell=bash
# The files that a unit was last verified with: kept as copies, put back when a change fails.

# keep UNIT FILE...: copies of the files that the unit was last verified with, and which of them did not exist.
keep() { copy_files "$state_directory/$1.kept" "${@:2}"; }

# copy_files ARCHIVE FILE...
copy_files() {
  local archive=$1 path present=()
  shift
  for path in "$@"; do
    if [[ -e $path || -L $path ]]; then present+=("${path#/}"); fi
  done
  printf '%s\n' "$@" | write_file "$archive.paths" 0600
  # One file for all, so that the two never describe different times.
  (umask 077 && tar --create --file "$archive.k3s-ha-new" --directory "$(dirname "$archive")" "$(basename "$archive").paths" --directory / "${present[@]}")
  put_in_place "$archive.k3s-ha-new" "$archive"
  rm -f "$archive.paths"
}

# open_copies ARCHIVE: their paths, in copied_paths, and the copies below ARCHIVE.open.
open_copies() {
  rm -rf "$1.open"
  (umask 077 && mkdir "$1.open")
  tar --extract --preserve-permissions --directory "$1.open" --file "$1"
  # Earlier releases wrote no list.
  if [[ -e $1.open/$(basename "$1").paths ]]; then
    mapfile -t copied_paths <"$1.open/$(basename "$1").paths"
  else
    mapfile -t copied_paths < <(find "$1.open" ! -type d -printf '/%P\n')
  fi
}

# put_copy DIRECTORY PATH: makes PATH what it was, absent included.
put_copy() {
  local copy=$1$2 new=$2.k3s-ha-new
  if [[ -e $copy || -L $copy ]]; then
    rm -f "$new"
    cp --archive --no-target-directory "$copy" "$new"
    put_in_place "$new" "$2"
  else
    rm -f "$2"
  fi
}

is_same() { if [[ -e $1 || -L $1 ]]; then [[ -e $2 || -L $2 ]] && cmp -s "$1" "$2"; else [[ ! -e $2 && ! -L $2 ]]; fi; }

# put_back UNIT: makes the kept files what they were; fails when there are none. A change that fails is not recorded by Pulumi,
# so a host that stayed with it would never hear that it was taken back. Files that another step wrote are recorded:
# what they were is kept as well, for take_again.
put_back() {
  local kept=$state_directory/$1.kept path
  [[ -f $kept ]] || return 1
  open_copies "$kept"
  copy_files "$state_directory/$1.refused" "${copied_paths[@]}"
  for path in "${copied_paths[@]}"; do put_copy "$kept.open" "$path"; done
  rm -rf "$kept.open"
}

# take_again UNIT: the next attempt begins with all that put_back replaced, except files that were changed since. A script
# that writes them again forgets them first.
take_again() {
  local kept=$state_directory/$1.kept refused=$state_directory/$1.refused path
  [[ -f $refused && -f $kept ]] || return 0
  open_copies "$kept"
  open_copies "$refused"
  for path in "${copied_paths[@]}"; do
    if is_same "$kept.open$path" "$path"; then put_copy "$refused.open" "$path"; fi
  done
  rm -rf "$kept.open" "$refused.open" "$refused"
}
