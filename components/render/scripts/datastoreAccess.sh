# shellcheck shell=bash
apply() {
  local answer
  lock_host
  answer=$(mariadb --batch --skip-column-names <<<"$access_sql" 2>&1) ||
    # The server's answer can quote a statement, and so a password.
    die "$host_name: MariaDB refused to set up schema and users: $(sed -E "s/near '.*//" <<<"$answer" | tail -n 1)"
  print_revision datastore-access
}

# The users go, the data stay.
remove() {
  lock_host
  systemctl is-active --quiet mariadb || return 0
  mariadb --batch <<<"$remove_sql"
}
