# shellcheck shell=bash
# ---- the backups that there are ----

# manifest_value ID NAME: by the shell's own means, since every command asks for many.
manifest_value() {
  local pattern=$'\n  "'$2$'": "?([^",\n]*)' text
  text=$'\n'$(<"$directory/$1/manifest.json")
  if [[ $text =~ $pattern ]]; then say "${BASH_REMATCH[1]}"; fi
}

# Ids of all backups, the oldest first. Whatever lies under such a name is complete: it got its name at the very end.
backup_ids() {
  local path
  for path in "$directory"/[0-9]*Z-[0-9]*/manifest.json; do
    path=${path%/manifest.json}
    [[ ! -e $path/manifest.json ]] || say "${path##*/}"
  done
}

# is_intact ID: the files are as long as those that were written.
is_intact() {
  local size
  size=$(manifest_value "$1" size)
  [[ -n $size && $(stat --format %s "$directory/$1/$(manifest_value "$1" file)" 2>/dev/null) == "$size" ]]
}

# is_whole ID: the files are, byte by byte, those that were written, including the escrowed token.
is_whole() {
  local token_file
  is_intact "$1" || return 1
  [[ $(sha256 "$directory/$1/$(manifest_value "$1" file)") == "$(manifest_value "$1" sha256)" ]] || return 1
  token_file=$(manifest_value "$1" tokenFile)
  [[ -z $token_file ]] || [[ $(sha256 "$directory/$1/$token_file") == "$(manifest_value "$1" tokenSha256)" ]]
}

sha256() { sha256sum <"$1" 2>/dev/null | cut -d ' ' -f 1; }

# require_backup ID: ends with a sentence unless there is such a backup here.
require_backup() { [[ -n $1 && -e $directory/$1/manifest.json ]] || die "there is no backup ${1:-without an id} in $directory; see: k3s-ha-backup list"; }

# verified_state ID: in a word for the list.
verified_state() {
  case $(signature_state "$1") in
    other) say unknown ;;
    unsigned) say UNSIGNED ;;
    forged) say FORGED ;;
    own) if is_intact "$1"; then say yes; else say DAMAGED; fi ;;
  esac
}

# Ids of the verified backups of this cluster, the oldest first. Those of another cluster are not ours to count.
own_backup_ids() {
  local id
  for id in $(backup_ids); do
    if is_intact "$id" && is_own "$id"; then say "$id"; fi
  done
}

# is_copied ID: it was copied to where copies go today, and read back from there.
is_copied() {
  [[ -e $directory/$1/copied && $(head -n 1 "$directory/$1/copied") == "${setting[copy_destination]}" ]]
}

list() {
  local id verified copied row='%-26s %-20s %9s %7s %-8s %-7s %-12s %s\n'
  # shellcheck disable=SC2059 # one format for all rows
  printf "$row" ID TAKEN ROWS SIZE VERIFIED COPIED TOKEN KEPT
  declare -A kept=()
  while read -r id reasons; do kept[$id]=$reasons; done < <(own_backup_ids | tac | kept_backups)
  for id in $(backup_ids); do
    verified=$(verified_state "$id")
    if [[ -z ${setting[copy_path]} ]]; then copied=-; elif is_copied "$id"; then copied=yes; else copied=no; fi
    # shellcheck disable=SC2059
    printf "$row" "$id" "$(manifest_value "$id" startedAt)" "$(manifest_value "$id" rows)" \
      "$(numfmt --to=iec "$(manifest_value "$id" size)")" "$verified" "$copied" "$(manifest_value "$id" tokenFingerprint)" \
      "${kept[$id]:--}"
  done
}

newest_backup() {
  local id
  id=$(own_backup_ids | tail -n 1)
  [[ -n $id ]] || die "there is no verified backup of this cluster in $directory yet"
  say "$id"
}

# latest: the newest; one of a shorter history than an earlier one's is named with a warning.
latest() {
  local id longer
  id=$(newest_backup)
  longer=$(own_ids | longer_history)
  [[ -z $longer ]] || say "k3s-ha-backup: $(explain_history "$id" "$longer")" >&2
  if [[ ${1:-} == --json ]]; then cat "$directory/$id/manifest.json"; else say "$id"; fi
}

# verify_kept [ID...]: reads backups again, all of them by default, and compares each with what was written and signed.
verify_kept() {
  local id state damaged=() refused=()
  (($#)) || mapfile -t < <(backup_ids)
  for id in "${@:-${MAPFILE[@]}}"; do
    require_backup "$id"
    state=$(signature_state "$id")
    if ! is_whole "$id"; then
      damaged+=("$id")
    elif [[ $state == own ]]; then
      say "$id is what was written"
    elif [[ $state == other ]]; then
      say "$id matches its manifest, which only its own server token, $(manifest_value "$id" tokenFingerprint), can verify"
    else
      refused+=("$id")
    fi
  done
  ((${#refused[@]} == 0)) || say "k3s-ha-backup: not signed by this cluster, so they cannot be restored: ${refused[*]}; see: k3s-ha-backup list" >&2
  ((${#damaged[@]} == 0)) || die "damaged, so do not restore them: ${damaged[*]}"
  ((${#refused[@]} == 0)) || exit 1
}
