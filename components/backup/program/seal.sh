# shellcheck shell=bash
# ---- making a backup of a dump: compressed, encrypted, described ----

# Each step reads back what it wrote: what is kept is, byte by byte, what was verified.
compress() {
  zstd --quiet --threads=1 -o "$2" "$1" || return
  zstd --quiet --decompress --stdout "$2" | cmp --silent - "$1" || {
    say "the file reads back differently from what was written; check this disk" >&2
    return 1
  }
}

# encrypt FROM TO: to the recipients, and to a key that lives as long as this function and in its memory alone: with it
# the result is decrypted once.
encrypt() {
  local recipient identity options=()
  for recipient in ${setting[recipients]}; do options+=(--recipient "$recipient"); done
  identity=$(age-keygen 2>/dev/null) || return
  options+=(--recipient "$(sed -nE 's/^# public key: //p' <<<"$identity")")
  age --encrypt "${options[@]}" --output "$2" "$1" || return
  age --decrypt --identity <(printf '%s\n' "$identity") "$2" | cmp --silent - "$1" || {
    say "the file reads back differently from what was written; check this disk" >&2
    return 1
  }
}

# open_dump ID [IDENTITY]: prints the dump of a backup, in the clear; IDENTITY is a file with the key of a recipient.
open_dump() {
  local file
  file=$directory/$1/$(manifest_value "$1" file)
  if [[ $file == *.age ]]; then
    age --decrypt --identity "${2:?an encrypted backup is opened with a recipient\'s key}" "$file"
  else
    cat "$file"
  fi | zstd --quiet --decompress --stdout
}

write_manifest() {
  local file=$1 token_file=$2
  cat <<JSON
{
  "format": 3,
  "id": $(json_string "$id"),
  "label": $(json_string "$label"),
  "engine": "$engine",
  "serverVersion": $(json_string "$server_version"),
  "k3sVersion": $(json_string "${setting[k3s_version]}"),
  "source": $(json_string "${setting[source]}/${setting[database]}"),
  "rows": $rows,
  "revision": $revision,
  "tokenFingerprint": "$token_fingerprint",
  "startedAt": "$(utc "$started" %FT%TZ)",
  "finishedAt": "$(utc "$(date +%s)" %FT%TZ)",
  "recipients": "${setting[recipients]}",
  "dumpSize": $(stat --format %s "$work/$dump_name"),
  "dumpSha256": "$(sha256 "$work/$dump_name")",
  "tokenFile": "$token_file",
  "tokenSha256": "$(if [[ -n $token_file ]]; then sha256 "$work/backup/$token_file"; fi)",
  "file": "$file",
  "size": $(stat --format %s "$work/backup/$file"),
  "sha256": "$(sha256 "$work/backup/$file")"
}
JSON
}

# The backup appears whole, with its manifest, or not at all; also after a power cut.
publish() {
  local file=$dump_name.zst token_file=
  mkdir "$work/backup"
  attend compress "$work/$dump_name" "$work/backup/$file" || die "the dump could not be compressed: $(complaint)"
  if [[ -n ${setting[recipients]} ]]; then
    attend encrypt "$work/backup/$file" "$work/backup/$file.age" ||
      die "the dump could not be encrypted to ${setting[recipients]}: $(complaint)"
    rm "$work/backup/$file"
    file=$file.age token_file=token.age
    cp --no-preserve=mode "${setting[token_escrow]}" "$work/backup/$token_file" 2>"$work/complaints" ||
      die "the encrypted server token could not be added: $(complaint)"
  fi
  write_manifest "$file" "$token_file" >"$work/backup/manifest.json" 2>"$work/complaints" || die "the manifest could not be written: $(complaint)"
  signature_of "$work/backup/manifest.json" >"$work/backup/manifest.hmac" 2>"$work/complaints" || die "the manifest could not be signed: $(complaint)"
  sync "$work/backup"/* "$work/backup"
  mv --no-target-directory "$work/backup" "$directory/$id"
  sync "$directory"
}
