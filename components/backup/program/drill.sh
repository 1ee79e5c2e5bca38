# shellcheck shell=bash
# ---- opening backups again: to verify them, and to restore them ----

# chosen_backup ID|latest|"": the id of a backup of this cluster that is here, byte by byte as it was written.
chosen_backup() {
  local id=$1 longer
  if [[ -z $id || $id == latest ]]; then
    id=$(newest_backup) || return
    longer=$(own_ids | longer_history)
    [[ -z $longer ]] || die "choose the backup by its id: $(explain_history "$id" "$longer")"
  fi
  require_backup "$id"
  require_own "$id"
  is_whole "$id" || die "backup $id is damaged; restore another one: k3s-ha-backup list"
  say "$id"
}

# identity_for ID FILE: the key that opens a backup; nothing for one that is not encrypted. It may come through a pipe, so it
# is read once, and it is written nowhere.
identity_for() {
  [[ $(manifest_value "$1" file) == *.age ]] || return 0
  [[ -n $2 ]] || die "backup $1 is encrypted to $(manifest_value "$1" recipients), but this host has no key that opens it: set the secret k3s-ha:backupDrillIdentity, or pass the key of one of them: IDENTITY=FILE to make restore, --identity FILE to k3s-ha-backup"
  grep '^AGE-SECRET-KEY-' "$2" || die "there is no age key in $2"
}

# open_into ID KEY FILE: the dump, in the clear, exactly as it was when it was verified.
open_into() {
  attend open_dump_to "$3" "$1" "$2" || die "$(explain_opening "$1")"
  [[ $(sha256 "$3") == "$(manifest_value "$1" dumpSha256)" ]] || die "the content of backup $1 is not what was dumped; restore another one"
}

# explain_opening ID: why it could not be opened; of age and zstd, one after the other, either may complain last.
explain_opening() {
  if grep --quiet 'no identity matched' "$work/complaints"; then
    say "backup $1 is encrypted to $(manifest_value "$1" recipients), but the key belongs to none of them"
  else
    say "backup $1 cannot be opened: $(complaint)"
  fi
}

open_dump_to() { open_dump "$2" <(printf '%s\n' "$3") >"$1"; }

# The token that lies beside the dump has to be this cluster's, and has to open the cluster's keys in the dump.
check_token() {
  local id=$1 identity=$2 token
  [[ -n $(manifest_value "$id" tokenFile) ]] || {
    say "backup $id has no server token, because it has no recipients: keep the token apart, the dump is useless without it"
    return 0
  }
  token=$(age --decrypt --identity <(printf '%s\n' "$identity") "$directory/$id/token.age" 2>"$work/complaints") ||
    die "the server token beside backup $id cannot be opened: $(complaint)"
  [[ $(printf '%s' "$token" | sha256sum | cut -c -12) == "$token_fingerprint" ]] ||
    die "the server token beside backup $id is not this cluster's: its keys in the datastore cannot be opened with it"
  opens_bootstrap "$token"
}

# opens_bootstrap TOKEN: K3s encrypts the cluster's keys with AES-GCM under a key that PBKDF2 makes of the token. Counter
# mode opens that too, and what comes out has to be K3s's list of files. Older versions of openssl take no salt of this length.
opens_bootstrap() {
  local salt data
  IFS=: read -r salt data <"$work/bootstrap"
  if [[ $(openssl enc -help 2>&1) != *-saltlen* ]]; then
    say "the cluster's keys were not decrypted with the token, because $(openssl version | cut -d ' ' -f 1,2) supports salts of 8 bytes only; they are stored under the token's name, which was checked"
    return 0
  fi
  base64 --decode <<<"$data" >"$work/sealed" 2>"$work/complaints" || die "the cluster's keys in the dump are not base64: $(complaint)"
  tail --bytes=+13 "$work/sealed" | head --bytes=-16 | openssl enc -d -aes-256-ctr -pbkdf2 -iter 4096 -md sha1 -saltlen "${#salt}" \
    -S "$(printf '%s' "$salt" | od --address-radix=n --format=x1 | tr -d ' \n')" \
    -iv "$(head --bytes=12 "$work/sealed" | od --address-radix=n --format=x1 | tr -d ' \n')00000002" \
    -pass file:<(printf '%s' "$1") 2>"$work/complaints" >"$work/keys" || die "the cluster's keys in the dump cannot be decrypted: $(complaint)"
  grep --quiet --text '"ServerCA"' "$work/keys" || die "the server token does not open the cluster's keys in the dump"
  rm "$work/keys" "$work/sealed"
}

# parse_choice [ID] [--identity FILE]: sets wanted and identity.
parse_choice() {
  wanted='' identity=${setting[drill_identity]}
  while (($#)); do
    case $1 in
      --identity) identity=${2:?--identity takes a file} && shift ;;
      *) wanted=$1 ;;
    esac
    shift
  done
}

# drill [ID] [--identity FILE]: a backup, as it is kept, restored and opened as after a disaster; then all of it is removed.
drill() {
  local started label=drill id wanted identity
  parse_choice "$@"
  lock
  started=$(date +%s)
  begin_work
  choose_client
  if [[ -z $wanted || $wanted == latest ]]; then wanted=$(latest id); fi
  id=$(chosen_backup "$wanted")
  identity=$(identity_for "$id" "$identity")
  open_into "$id" "$identity" "$work/$dump_name"
  rows_before=$(manifest_value "$id" rows) revision_before=$(manifest_value "$id" revision) compacted_before=0
  verify
  ((rows == rows_before && revision == revision_before)) ||
    die "backup $id restores to $rows rows at revision $revision, but its manifest has $rows_before at $revision_before"
  check_token "$id" "$identity"
  printf '%s\n' "$(date +%s)" "$id" "${identity:+encrypted}" >"$directory/.drilled.new"
  mv "$directory/.drilled.new" "$directory/.drilled"
  say "drill: backup $id restored to $rows rows at revision $revision, and its keys opened, in $(($(date +%s) - started)) s"
}

# extract ID|latest FILE [--identity FILE]: the dump of a backup in the clear, compressed, for a restore.
extract() {
  local label=extract id wanted identity new target=${2:?extract takes an id and a file}
  parse_choice "$1" "${@:3}"
  lock
  begin_work
  id=$(chosen_backup "$wanted")
  identity=$(identity_for "$id" "$identity")
  open_into "$id" "$identity" "$work/$dump_name"
  # Not through a link that was planted beside it.
  attend compress "$work/$dump_name" "$work/extracted" || die "the dump could not be compressed: $(complaint)"
  { new=$(mktemp "$target.XXXXXX") && cat "$work/extracted" >"$new" && mv --force --no-target-directory "$new" "$target"; } ||
    die "the dump could not be written to $target"
}

# show ID|latest: the manifest of a backup of this cluster that is whole.
show() {
  local id
  id=$(chosen_backup "${1:-latest}")
  cat "$directory/$id/manifest.json"
}
