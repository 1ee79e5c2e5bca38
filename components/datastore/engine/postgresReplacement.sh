# shellcheck shell=bash
# ---- replacing the content of an existing datastore by a backup ----

replace() {
  die "a PostgreSQL that the stack installed is restored by make restore; for any other, extract a backup and use pg_restore, as docs/restore.md describes. Nothing was changed"
}
