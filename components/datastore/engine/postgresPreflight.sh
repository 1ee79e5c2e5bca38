# shellcheck shell=bash
# Checks of a PostgreSQL, run on the servers with the login of K3s. Every finding is a sentence with its remedy. The password is in the
# client's environment, which only root can read.
problems=()
problem() { problems+=("$host_name: $*"); }

now_ms() { printf '%s' "$((${EPOCHREALTIME/./} / 1000))"; }

sql() {
  local tls=(PGSSLMODE=verify-full PGSSLROOTCERT="$client_directory/ca.crt")
  [[ -z $client_certificate ]] || tls+=(PGSSLCERT="$client_directory/client.crt" PGSSLKEY="$client_directory/client.key")
  # The builtin sets them for the one program, so that they stand in no process list.
  (
    export "${login[@]}" "${tls[@]}" PGCONNECT_TIMEOUT=60
    exec psql --no-psqlrc --no-password --tuples-only --no-align --field-separator=$'\t' --quiet "$@"
  )
}

explain_refusal() {
  local answer
  # A line for each host that was tried; what is indented is the client's advice.
  answer=$(grep -v $'^\t' <<<"$1" | sed -E 's/^psql: (error: )?//' | paste -s -d '|' | sed 's/|/; /g')
  case $answer in
    *"authentication failed"* | *"pg_hba.conf"* | *"permission denied for database"* | *"requires a valid client certificate"*)
      printf '%s' "PostgreSQL at $database_address refuses the user $database_user from this host ($answer). Check the user's password, that pg_hba.conf has a line \"hostssl\" for it and this host's address, and whether that line requires a client certificate." ;;
    *"does not exist"*)
      printf '%s' "PostgreSQL at $database_address has no such database or user ($answer). Create it: CREATE DATABASE \"$database\" OWNER \"$database_user\"." ;;
    *"session is "* | *"server is "*)
      printf '%s' "no PostgreSQL at $database_address matches target_session_attrs in the endpoint ($answer). Use the address of the primary." ;;
    *certificate* | *SSL*)
      printf '%s' "the certificate of PostgreSQL at $database_address cannot be verified ($answer). The configured CA has to have signed it, and it has to name exactly the configured address." ;;
    *)
      printf '%s' "PostgreSQL at $database_address cannot be reached from this host ($answer). Check its address and port, that it is up, and the firewalls in between." ;;
  esac
}

# What is slow three times over is slow; once may be a host that has much to do.
measure() {
  local start answer both attempt
  for attempt in 1 2 3; do
    start=$(now_ms)
    answer=$(sql --command 'SELECT 1' 2>&1) || die "$host_name: $(explain_refusal "$answer")"
    connect_ms=$(($(now_ms) - start))
    start=$(now_ms)
    answer=$(printf 'SELECT 1;\n%.0s' {1..20} | sql 2>&1) || die "$host_name: $(explain_refusal "$answer")"
    both=$(($(now_ms) - start))
    query_ms=$((both > connect_ms ? (both - connect_ms) / 19 : 0))
    if ((attempt == 3 || (connect_ms < 2000 && query_ms < 100))); then break; fi
  done
  if ((connect_ms >= 2000 && query_ms < 500)); then
    problem "a connection to PostgreSQL at $database_address takes $((connect_ms / 1000)) s, but a query $query_ms ms: its reverse DNS lookups of clients time out. Set log_hostname to off, use addresses instead of names in pg_hba.conf, or add the servers' addresses to its DNS."
  elif ((query_ms >= 100)); then
    problem "a query to PostgreSQL at $database_address takes $query_ms ms, and K3s makes several for every request. Use a datastore nearer to the servers: under 20 ms."
  fi
}

# All questions on one connection; those about K3s's table are left out while there is none.
ask() {
  local name value
  declare -gA answers=()
  while IFS=$'\t' read -r name value; do answers[$name]=$value; done < <(sql --set=own="/bootstrap/$token_fingerprint" 2>/dev/null <<'END'
SELECT 'version', current_setting('server_version_num');
SELECT 'version_text', current_setting('server_version');
SELECT 'recovery', pg_is_in_recovery();
SELECT 'read_only', current_setting('transaction_read_only');
SELECT 'max_connections', current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int;
SELECT 'connected', count(*) FROM pg_stat_activity WHERE backend_type = 'client backend';
SELECT 'own_connections', count(*) FROM pg_stat_activity WHERE usename = session_user;
SELECT 'role_limit', rolconnlimit FROM pg_roles WHERE rolname = session_user;
SELECT 'schema', current_schema();
SELECT 'may_create', has_schema_privilege(current_schema(), 'CREATE');
SELECT 'table', count(*) FROM pg_class WHERE oid = to_regclass('kine');
SELECT 'owns', pg_has_role(relowner, 'MEMBER') FROM pg_class WHERE oid = to_regclass('kine');
SELECT 'collation', collname FROM pg_attribute JOIN pg_collation ON pg_collation.oid = attcollation WHERE attrelid = to_regclass('kine') AND attname = 'name';
SELECT 'bootstrap', name FROM kine WHERE name LIKE '/bootstrap/%' AND name <> :'own' LIMIT 1;
END
  )
}

check_server() {
  local version=${answers[version]:-0}
  ((version >= 120000)) ||
    problem "PostgreSQL ${answers[version_text]:-of an unknown version} is older than 12, the oldest that K3s is tested on. Upgrade it."
  [[ ${answers[recovery]:-f} == f && ${answers[read_only]:-off} == off ]] ||
    problem "PostgreSQL is read-only, like a standby. Use the address of the primary."
}

check_connections() {
  local most=${answers[max_connections]:-0} limit=${answers[role_limit]:--1} left
  if ((most < needed_connections)); then
    problem "max_connections leaves $most; these servers need $needed_connections, $connections_per_server each. Raise it, or lower k3s-ha:datastore.connectionsPerServer."
    return
  fi
  left=$((most - ${answers[connected]:-0} + ${answers[own_connections]:-0}))
  ((left >= needed_connections)) ||
    problem "others use $((most - left)) of the datastore's $most connections; these servers need $needed_connections, $connections_per_server each. Raise max_connections, or lower k3s-ha:datastore.connectionsPerServer."
  ((limit < 0 || limit >= needed_connections)) ||
    problem "the role $database_user may have $limit connections; these servers need $needed_connections, $connections_per_server each. Raise its limit (ALTER ROLE \"$database_user\" CONNECTION LIMIT -1), or lower k3s-ha:datastore.connectionsPerServer."
}

check_privileges() {
  [[ ${answers[may_create]:-f} == t ]] ||
    problem "the user $database_user may not create K3s's table in the database \"$database\". As its owner: GRANT CREATE, USAGE ON SCHEMA \"${answers[schema]:-public}\" TO \"$database_user\"."
  [[ ${answers[table]:-0} == 0 || ${answers[owns]:-f} == t ]] ||
    problem "the table kine in the database \"$database\" does not belong to the role $database_user. As the administrator: ALTER TABLE kine OWNER TO \"$database_user\"."
}

check_table() {
  [[ -z ${answers[collation]:-} || ${answers[collation]} == C ]] ||
    problem "the column name of the table kine has the collation ${answers[collation]}, with which newer releases of K3s do not start. With K3s stopped: ALTER TABLE kine ALTER COLUMN name SET DATA TYPE TEXT COLLATE \"C\"."
  [[ -z ${answers[bootstrap]:-} ]] ||
    problem "the database \"$database\" holds another cluster, or this one under another token. Choose another database in $database_setting, or, if that cluster no longer exists, drop its table: DROP TABLE kine"
}

apply() {
  lock_host
  install_packages postgresql-client
  put_client_files
  measure
  ask
  check_server
  check_connections
  check_privileges
  check_table
  if ((${#problems[@]})); then
    printf '%s\n' "${problems[@]}" >&2
    exit 1
  fi
}

remove() { :; }
