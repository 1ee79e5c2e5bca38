# shellcheck shell=bash
# Everything about the datastore that K3s would find out the hard way. Every finding is a sentence with its remedy.
problems=()
problem() { problems+=("$host_name: $*"); }

value() { mariadb --batch --skip-column-names --execute "SELECT @@$1" 2>/dev/null || printf 'unknown'; }

check_version() {
  local version
  version=$(value version)
  [[ $version =~ ^([0-9]+)\.([0-9]+) ]] || { problem "the database does not tell its version"; return; }
  ((BASH_REMATCH[1] > 10 || (BASH_REMATCH[1] == 10 && BASH_REMATCH[2] >= 6))) ||
    problem "MariaDB $version is older than 10.6, the oldest that K3s is tested on. Upgrade it."
}

check_settings() {
  [[ $(value wsrep_on) =~ ^(0|unknown)$ ]] ||
    problem "MariaDB runs as a Galera cluster, which K3s does not support. Use a single primary."
  [[ $(value auto_increment_increment) == 1 ]] ||
    problem "auto_increment_increment is $(value auto_increment_increment); K3s would fill every gap with a row. Set it to 1."
  [[ $(value binlog_format) != STATEMENT ]] ||
    problem "binlog_format is STATEMENT, with which K3s can lose writes. Set it to ROW."
  [[ $(value innodb_snapshot_isolation) =~ ^(0|unknown)$ ]] ||
    problem "innodb_snapshot_isolation is ON; K3s could not compact its table, which would grow for ever. Set it to OFF."
  (($(value max_connections) >= needed_connections)) ||
    problem "max_connections is $(value max_connections); these servers need $needed_connections. Raise it."
}

check_owner() {
  local rows
  rows=$(mariadb --batch --skip-column-names --execute \
    "SELECT DISTINCT name FROM \`$database\`.kine WHERE name LIKE '/bootstrap/%'" 2>/dev/null) || return 0
  [[ -z $rows || $rows == "/bootstrap/$token_fingerprint" ]] ||
    problem "the database \"$database\" holds another cluster, or this one under another token. Choose another k3s-ha:datastore.managed.database, or, if that cluster is gone for good, drop it: mariadb --execute 'DROP DATABASE \`$database\`'"
}

apply() {
  lock_host
  # Without this every question below would have the same answer.
  mariadb --execute 'SELECT 1' >/dev/null 2>&1 ||
    die "$host_name: MariaDB does not answer on its local socket; see: journalctl --unit mariadb"
  check_version
  check_settings
  check_owner
  if ((${#problems[@]})); then
    printf '%s\n' "${problems[@]}" >&2
    exit 1
  fi
}

remove() { :; }
