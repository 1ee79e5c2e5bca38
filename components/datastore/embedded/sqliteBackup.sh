# shellcheck shell=bash
# ---- reading K3s's SQLite database, on the host of its server ----

dump_name=state.db
driver_settings=(database_file)

choose_client() { command -v sqlite3 >/dev/null || die "this host has no sqlite3; run pulumi up, which installs it"; }

# ask_file FILE: answers SQL on standard input, a line for each row, its columns separated by tabs.
ask_file() { sqlite3 -batch -readonly -separator $'\t' -cmd '.timeout 30000' "$1"; }

# explain_source COMPLAINT
explain_source() {
  local source=${setting[database_file]}
  case $1 in
    *"unable to open"*) say "there is no SQLite database $source; K3s has not started on this host, or its disk was replaced: $1" ;;
    *"no such table"*) say "the SQLite database $source holds no cluster, because K3s never started on it: $1" ;;
    *malformed* | *"not a database"*) say "the SQLite database $source is damaged; stop K3s, and restore a backup with make restore: $1" ;;
    *) say "the SQLite database $source could not be read: $1" ;;
  esac
}

# What the copy has to hold at least, and how much room it takes.
look_at_source() {
  local answer
  engine=sqlite
  answer=$(ask_file "${setting[database_file]}" 2>"$work/complaints" <<'SQL'
SELECT COUNT(*), COALESCE(MAX(id), 0), COALESCE(MAX(CASE WHEN name = 'compact_rev_key' THEN prev_revision END), 0),
       (SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()), sqlite_version()
FROM kine;
SQL
  ) || die "$(explain_source "$(complaint)")"
  IFS=$'\t' read -r rows_before revision_before compacted_before source_bytes server_version <<<"$answer"
}

# The copy, and the same compressed and encrypted, each beside the one that it is made of.
check_space() {
  local needed=$((3 * source_bytes + (16 << 20))) free
  free=$(free_bytes)
  ((free >= needed)) ||
    die "$directory has $((free >> 20)) MiB left, but a backup in progress needs up to $((needed >> 20)) MiB; free some space, or keep fewer backups"
}

# One read transaction, beside which K3s goes on writing. A copy of the file alone would lack what is in its log, or be damaged.
dump() {
  local status=0
  attend sqlite3 -batch -bail -readonly -cmd '.timeout 30000' "${setting[database_file]}" "VACUUM INTO '$work/$dump_name'" || status=$?
  ((status < 128)) || die "the signal $(kill -l "$status") ended the copy before it was complete"
  ((status == 0)) || ! is_disk_full || die "the copy could not be written: $(complaint)"
  ((status == 0)) || die "$(explain_source "$(complaint)")"
}

# ---- checking what was read ----

ask_copy() { ask_file "file:$work/$dump_name?immutable=1"; }

# The copy is a database of its own, so it is opened as K3s would open it after a restore.
verify() {
  local answer
  answer=$(ask_copy 2>"$work/complaints" <<<'PRAGMA integrity_check(1);') || die "the copy cannot be read: $(complaint)"
  [[ $answer == ok ]] || die "the copy is damaged: ${answer%%$'\n'*}; check this host's disk, and its database: sqlite3 -readonly ${setting[database_file]} 'PRAGMA integrity_check'"
  answer=$(kine_questions | ask_copy 2>"$work/complaints") || die "the copy cannot be read: $(complaint)"
  kine_bootstrap_question | ask_copy >"$work/bootstrap" 2>"$work/complaints" || die "the copy cannot be read: $(complaint)"
  judge_copy "$answer"
}

# ---- restoring ----

replace() { die "a restore of an SQLite database stops K3s and starts it again: make restore BACKUP=${1:-latest}"; }
