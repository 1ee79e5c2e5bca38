# shellcheck shell=bash
apply() {
  local answer
  lock_host
  install_packages "${packages[@]}"
  open_client
  answer=$(sql --connect-timeout=60 2>&1 < <(printf '%s' "$access_sql")) ||
    # The server's answer can quote a statement, and so a password.
    die "$host_name: $database_name refused to set up schema and users: $(sed -E "s/near '.*//" <<<"$answer" | tail -n 1)"
  print_revision datastore-access
}

# The users go, the data stay.
remove() {
  lock_host
  [[ -n $client_options ]] || systemctl is-active --quiet mariadb || return 0
  open_client
  sql --connect-timeout=60 < <(printf '%s' "$remove_sql")
}
