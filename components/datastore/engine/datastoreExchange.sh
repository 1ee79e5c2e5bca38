# shellcheck shell=bash
# Exchanges the table of a datastore for one that was imported beside it, so that revisions never go back. Reads `database`,
# `beside`, `dump`, `started` and the manifest's `expected_…`; `sql` runs statements as an administrator.

is_there() { [[ $(sql --execute "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = '$1' AND table_name = 'kine'") == 1 ]]; }

bytes_of() { sql --execute "SELECT COALESCE(SUM(data_length + index_length), 0) FROM information_schema.tables WHERE table_schema = '$1'"; }

# require_room PATH BYTES
require_room() {
  local free
  free=$(df --output=avail --block-size=1 "$1" | tail -n 1)
  ((free > $2 + (64 << 20))) ||
    die "$host_name: $1 has $((free >> 20)) MiB free, but a restore needs $((($2 >> 20) + 64)) MiB there; free some space, then run it again. Nothing was changed."
}

drop_beside() { sql --execute "DROP DATABASE IF EXISTS \`$beside\`"; }

# tell_current: rows and revision of the current content; nothing without any.
tell_current() {
  if is_there "$database"; then sql --execute "SELECT COUNT(*), COALESCE(MAX(id), 0) FROM \`$database\`.kine"; fi
}

import_beside() {
  local answer rows revision bootstrap
  drop_beside
  sql --execute "CREATE DATABASE \`$beside\` CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci"
  choose_sandbox "${client:-mariadb}"
  answer=$({ zstd --quiet --decompress --stdout "$dump" | importable | sql "${sandbox[@]}" "$beside"; } 2>&1) ||
    die "$host_name: the backup cannot be imported; the datastore is unchanged: $(tail -n 1 <<<"$answer")"
  IFS=$'\t' read -r rows revision bootstrap < <(sql "$beside" --execute "SELECT COUNT(*), MAX(id), COUNT(CASE WHEN name = '/bootstrap/$token_fingerprint' THEN 1 END) FROM kine")
  [[ $rows == "$expected_rows" && $revision == "$expected_revision" ]] ||
    die "$host_name: the import has $rows rows up to revision $revision, but the backup $expected_rows up to $expected_revision; the datastore is unchanged"
  ((bootstrap >= 1)) || die "$host_name: the backup holds no keys of this cluster's token; the datastore is unchanged"
}

# raise_revisions: the import continues at a revision above both histories, and is compacted up to there. A watch from
# an older one is answered that it is too old, and lists again; otherwise it would see nothing until the numbers met again.
# A row, as kine fills gaps with, and not the counter alone: kine would fill the gap one by one.
raise_revisions() {
  local rows current=0 raised compacted
  if is_there "$database"; then IFS=$'\t' read -r rows current < <(tell_current); fi
  raised=$(raised_revision "$current")
  compacted=$(sql "$beside" --execute "START TRANSACTION;
INSERT INTO kine (id, name, created, deleted, create_revision, prev_revision, lease, value, old_value) VALUES ($raised, 'gap-$raised', 0, 1, 0, 0, 0, NULL, NULL);
UPDATE kine SET prev_revision = $raised WHERE name = 'compact_rev_key' ORDER BY id DESC LIMIT 1;
SELECT ROW_COUNT();
COMMIT") || die "$host_name: the import does not accept revision $raised; the reason is above. The datastore is unchanged"
  [[ $compacted == 1 ]] || die "$host_name: the backup has no row compact_rev_key, so it is not a complete K3s datastore; the datastore is unchanged"
  printf '%s\n' "revisions continue from $raised, so that watches list everything again"
}

# Both at once, or none, also after a power cut.
exchange() {
  local replaced=${database}_replaced_$started renames
  is_there "$beside" || die "$host_name: there is no import to exchange; run the restore again from its beginning"
  renames="\`$beside\`.kine TO \`$database\`.kine"
  if is_there "$database"; then
    sql --execute "CREATE DATABASE IF NOT EXISTS \`$replaced\`"
    renames="\`$database\`.kine TO \`$replaced\`.kine, $renames"
    printf '%s\n' "the replaced table is $replaced.kine; once everything works: DROP DATABASE $replaced"
  fi
  sql --execute "CREATE DATABASE IF NOT EXISTS \`$database\` CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci; RENAME TABLE $renames"
  drop_beside
}
