# shellcheck shell=bash
# ---- signatures: a manifest counts when a holder of the server token wrote it ----

# read_key FILE: the key of 64 bytes, in hexadecimal, and its two pads as HMAC has them (RFC 2104). It stays in this shell's
# memory: the arguments of a program, openssl's too, can be read by everybody on the host.
read_key() {
  local key
  key=$(<"$1") || die "cannot read $1; run as root"
  [[ $key =~ ^[0-9a-f]{128}$ ]] || die "$1 holds no key; run pulumi up again"
  inner_pad=$(pad "$key" 0x36)
  outer_pad=$(pad "$key" 0x5c)
}

pad() {
  local index
  for ((index = 0; index < ${#1}; index += 2)); do printf '\\x%02x' $((16#${1:index:2} ^ $2)); done
}

# signature_of FILE: its HMAC-SHA256.
signature_of() {
  local inner escaped='' index outer
  inner=$({ printf '%b' "$inner_pad" && cat "$1"; } | sha256sum)
  for ((index = 0; index < 64; index += 2)); do escaped+="\\x${inner:index:2}"; done
  outer=$(printf '%b' "$outer_pad$escaped" | sha256sum)
  say "${outer%% *}"
}

# Results for each backup, as long as this process runs: every command needs them more than once.
declare -A told_signatures
tell_signatures() {
  local id
  for id in $(backup_ids); do told_signatures[$directory/$id]=$(signature_state "$id"); done
}

# signature_state ID: what is known of who made a backup: "own"; "other", of another token, which only that token can tell;
# "unsigned"; or "forged". A manifest that was moved to another name is forged too.
signature_state() {
  local path=$directory/$1
  if [[ -n ${told_signatures[$path]:-} ]]; then
    say "${told_signatures[$path]}"
  elif [[ $(manifest_value "$1" tokenFingerprint) != "$token_fingerprint" ]]; then
    say other
  elif [[ ! -e $path/manifest.hmac ]]; then
    say unsigned
  elif [[ $(manifest_value "$1" id) == "$1" && $(<"$path/manifest.hmac") == "$(signature_of "$path/manifest.json")" ]]; then
    say own
  else
    say forged
  fi
}

is_own() { [[ $(signature_state "$1") == own ]]; }

# require_own ID [WHERE]: ends with a sentence unless the backup was made by a holder of this cluster's token.
require_own() {
  case $(signature_state "$1") in
    own) ;;
    other) die "backup $1 belongs to the server token $(manifest_value "$1" tokenFingerprint), but this cluster's is $token_fingerprint: it cannot be restored here" ;;
    unsigned) die "backup $1 is not signed: it is older than signatures, or of unknown origin. If you know that it belongs to this cluster, sign it on this host: k3s-ha-backup ${2:-sign $1}" ;;
    *) die "backup $1 is forged or damaged: its manifest does not match its signature by this cluster's token. Do not use it; see: k3s-ha-backup list" ;;
  esac
}

# unsigned_backups: ids of those here that would be this cluster's.
unsigned_backups() {
  local id
  for id in $(backup_ids); do if [[ $(signature_state "$id") == unsigned ]]; then say "$id"; fi; done
}

# tell_unsigned: they cost nothing but their room, and nothing removes them.
tell_unsigned() {
  local ids
  mapfile -t ids < <(unsigned_backups)
  ((${#ids[@]} == 0)) ||
    say "${#ids[@]} backups in $directory are not signed, ${ids[0]} to ${ids[-1]}, so they are not counted, restored or removed; sign those that you know to belong to this cluster (k3s-ha-backup sign ID...), and remove the others by hand"
}

# sign ID...: vouches for backups that were made before backups were signed, or fetched without a signature. Copies are made
# again, with it.
sign() {
  local label=sign id
  (($#)) || die "sign takes the ids of backups that you know to belong to this cluster; see: k3s-ha-backup list"
  lock
  begin_work
  for id in "$@"; do
    require_backup "$id"
    if is_own "$id"; then continue; fi
    [[ $(signature_state "$id") == unsigned ]] || require_own "$id"
    [[ $(manifest_value "$id" id) == "$id" && $(manifest_value "$id" file) =~ ^kine\.sql\.zst(\.age)?$ && $(manifest_value "$id" tokenFile) =~ ^(token\.age)?$ ]] ||
      die "the manifest of $id belongs to another backup, or is damaged, so it was not signed"
    is_whole "$id" || die "backup $id is damaged, so it was not signed"
    signature_of "$directory/$id/manifest.json" >"$work/manifest.hmac"
    sync "$work/manifest.hmac"
    rm -f "$directory/$id/copied"
    mv "$work/manifest.hmac" "$directory/$id/manifest.hmac"
    sync "$directory/$id"
    told_signatures[$directory/$id]=own
    say "signed $id"
  done
}
