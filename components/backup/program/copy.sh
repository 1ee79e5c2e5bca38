# shellcheck shell=bash
# ---- copies on another host ----

# remote ARGUMENTS: rclone, with the credentials in its file. Debian's refuses S3 where this variable names a CA bundle.
remote() {
  env --unset=AWS_CA_BUNDLE RCLONE_CACHE_DIR="$work/cache" rclone --config "${setting[copy_config]}" --retries 2 --retries-sleep 5s \
    --low-level-retries 3 --contimeout 15s --timeout 60s --stats 0 --log-level ERROR "$@" 9>&-
}

# Where a backup is copied to.
copy_of() { say "copy:${setting[copy_path]}/$1"; }

# upload ID: the manifest comes last, when all else was read back, so a copy without one is no backup.
upload() {
  local from=$directory/$1 to
  to=$(copy_of "$1")
  # An existing file may have been truncated.
  remote copy --ignore-times --exclude manifest.json --exclude copied "$from" "$to" || return
  remote check --download --one-way --exclude manifest.json --exclude copied "$from" "$to" || return
  remote copy --ignore-times --include /manifest.json "$from" "$to" || return
  remote check --download --one-way --include manifest.json "$from" "$to"
}

# Copies every backup that is not there yet, those of failed runs too, the newest first.
copy_off() {
  local old
  [[ -n ${setting[copy_path]} ]] || return 0
  for old in $(own_backup_ids | tac); do
    ! is_copied "$old" || continue
    is_whole "$old" || continue
    attend upload "$old" ||
      die "backup $old is good, but could not be copied to ${setting[copy_destination]}, and nothing was removed; the next run tries again: $(copy_complaint)"
    printf '%s\n%s\n' "${setting[copy_destination]}" "$(utc "$(date +%s)" %FT%TZ)" >"$work/copied"
    sync "$work/copied"
    mv "$work/copied" "$directory/$old/copied"
    say "copied $old to ${setting[copy_destination]} and read it back"
  done
}

# rclone's last word, without its time stamp; and what it means when that is not plain.
copy_complaint() {
  local text
  text=$(sed -E '/^[[:space:]]/d; s/^[0-9/]+ [0-9:]+ (ERROR|CRITICAL|Failed)[ :]*//; s/^Failed to [a-z]+( with [0-9]+ errors)?: *(last error was: )?//' "$work/complaints" | grep . | tail -n 1)
  case $text in
    *"key mismatch"* | *"key is unknown"*) say "that host shows an SSH key that is not in k3s-ha:backup.copy.hostKeys; list all of its keys: $text" ;;
    *) say "$text" ;;
  esac
}

# list_copies: brings the manifests of all copies, with their signatures, and the sizes of all their files.
list_copies() {
  [[ -n ${setting[copy_path]} ]] || die "there are no copies: k3s-ha:backup.copy is not set"
  mkdir -p "$work/copies"
  # No manifest is as large as this, and what is larger is no manifest.
  attend remote copy --max-size 64k --include '/*/manifest.{json,hmac}' "copy:${setting[copy_path]}" "$work/copies" ||
    die "the copies in ${setting[copy_destination]} could not be listed: $(copy_complaint)"
  attend list_sizes || die "the copies in ${setting[copy_destination]} could not be listed: $(copy_complaint)"
}

list_sizes() { remote lsf --recursive --files-only --format sp --separator ' ' "copy:${setting[copy_path]}" >"$work/copies/sizes"; }

# own_copies: of the listed ones, those of this cluster, signed and as long as what was written, the oldest first.
own_copies() {
  local directory=$work/copies copy
  for copy in $(own_ids); do
    if grep --quiet --fixed-strings --line-regexp "$(manifest_value "$copy" size) $copy/$(manifest_value "$copy" file)" "$work/copies/sizes"; then say "$copy"; fi
  done
}

listed_ids() {
  local directory=$work/copies
  own_ids
}

# removable_copies: a copy is judged by its own manifest.
removable_copies() {
  local directory=$work/copies
  own_copies | tac | removable_backups
}

# The copies follow the same generations, by what exists and not by what should exist.
remove_oldest_copies() {
  local old removable
  [[ -n ${setting[copy_path]} ]] || return 0
  list_copies
  note_history "$(listed_ids)" copy
  [[ -z $history && ${setting[copy_prune]} == yes ]] || return 0
  removable=$(removable_copies)
  for old in $removable; do
    [[ $old != "$id" ]] || continue
    # Without its manifest it is no backup any more, whenever this is cut short.
    { attend remote deletefile "$(copy_of "$old")/manifest.json" && attend remote purge "$(copy_of "$old")"; } ||
      die "the copy $old in ${setting[copy_destination]} could not be removed: $(copy_complaint)"
    say "removed the copy of $old, which no generation keeps"
  done
}
