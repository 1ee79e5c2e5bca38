# shellcheck shell=bash
# The roles of the datastore. Their passwords travel on standard input only.
apply() {
  local answer
  lock_host
  find_cluster
  answer=$(sql 2>&1 < <(printf '%s' "$access_sql")) ||
    # The server's answer can quote a statement, and so a password.
    die "$host_name: PostgreSQL refused to set up the roles: $(grep -m 1 ERROR <<<"$answer" | sed -E 's/^psql:[^ ]* //')"
  # The schema and what is in it belong to the owner, also what another role created.
  sql --dbname="$database" --command "ALTER SCHEMA public OWNER TO \"$owner\"; REASSIGN OWNED BY \"$k3s_role\" TO \"$owner\""
  print_revision datastore-postgres-roles
}

# The logins go, the data stay.
remove() {
  lock_host
  find_cluster
  is_running || return 0
  sql < <(printf '%s' "$remove_sql")
}
