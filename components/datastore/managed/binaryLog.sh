# shellcheck shell=bash
# The binary log, which an earlier release of this program kept, and nothing of it reads. One that the owner of an adopted
# MariaDB keeps stays as it is.
binary_log_note=$state_directory/mariadb.binary-log

# note_binary_log: records that an earlier release keeps one, which ends; not while a replica reads it, which would fall
# behind unnoticed.
note_binary_log() {
  local readers
  grep -qs '^log_bin = mysql-bin$' "$config_path" || return 0
  readers=$(mariadb --batch --skip-column-names --execute "SELECT GROUP_CONCAT(DISTINCT HOST) FROM information_schema.PROCESSLIST WHERE COMMAND LIKE 'Binlog Dump%'" 2>/dev/null) ||
    # A server that does not answer has no readers; the restart may repair it.
    readers=NULL
  [[ $readers == NULL ]] ||
    die "$host_name: a replica at $readers reads MariaDB's binary log, which this run would turn off. Stop the replica (STOP REPLICA there), then run up again; nothing was changed."
  write_file "$binary_log_note" </dev/null
}

# remove_binary_log: its files, once MariaDB runs without it. All that is in them is in the tables.
remove_binary_log() {
  local directory=/var/lib/mysql name
  [[ -f $binary_log_note && $(mariadb --batch --skip-column-names --execute 'SELECT @@log_bin') == 0 ]] || return 0
  while read -r name; do
    name=${name##*/}
    if [[ $name =~ ^mysql-bin\.[0-9]+$ ]]; then rm -f "$directory/$name" "$directory/$name.idx"; fi
  done < <(cat "$directory/mysql-bin.index" 2>/dev/null)
  rm -f "$directory"/mysql-bin.{index,state} "$binary_log_note"
}
