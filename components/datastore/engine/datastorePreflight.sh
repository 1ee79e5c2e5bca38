# shellcheck shell=bash
# Checks of a MySQL or MariaDB, run on the servers with the login of K3s. Every finding is a sentence with its remedy.
problems=()
problem() { problems+=("$host_name: $*"); }
grants=()

now_ms() { printf '%s' "$((${EPOCHREALTIME/./} / 1000))"; }

# What the client says when it cannot get in, told by the error's number.
explain_refusal() {
  local answer=$1 code
  code=$(sed -nE 's/^ERROR ([0-9]+).*/\1/p' <<<"$answer" | head -n 1)
  answer=$(sed -nE 's/^ERROR [0-9]+ ?(\([A-Z0-9]+\))?: *//p' <<<"$answer" | head -n 1)
  case $code in
    1045 | 1044 | 1698) printf '%s' "the database server at $database_address refuses the user $database_user from this host ($answer). Check the user's password, and that it may log in from here and use the schema \"$database\"." ;;
    1130) printf '%s' "the database server at $database_address has no user that may log in from this host ($answer). Create the user $database_user for this host's address." ;;
    1049) printf '%s' "the database server at $database_address has no schema \"$database\". Create it: CREATE DATABASE \`$database\` CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci." ;;
    1040 | 1203 | 1226) printf '%s' "the database server at $database_address has no connection left ($answer). Raise max_connections, and the user's own limit." ;;
    2005) printf '%s' "this host cannot resolve the name of the database server at $database_address. Correct the address, or add it to this host's DNS." ;;
    2026) printf '%s' "the certificate of the database server at $database_address cannot be verified ($answer). The configured CA has to have signed it, and it has to name exactly the configured address." ;;
    2002 | 2003 | 2013) printf '%s' "the database server at $database_address cannot be reached from this host ($answer). Check its address and port, that it is up, and the firewalls in between." ;;
    *) printf '%s' "the database server at $database_address cannot be used from this host: ${answer:-$1}" ;;
  esac
}

# A connection alone, then twenty queries on one: what a server that resolves names backwards costs shows in the first.
# What is slow three times over is slow; once may be a host that has much to do.
measure() {
  local start answer both attempt
  for attempt in 1 2 3; do
    start=$(now_ms)
    answer=$(sql --connect-timeout=60 --execute 'DO 0' 2>&1) || die "$host_name: $(explain_refusal "$answer")"
    connect_ms=$(($(now_ms) - start))
    start=$(now_ms)
    answer=$(sql --connect-timeout=60 --execute "$(printf 'DO 0;%.0s' {1..20})" 2>&1) || die "$host_name: $(explain_refusal "$answer")"
    both=$(($(now_ms) - start))
    query_ms=$((both > connect_ms ? (both - connect_ms) / 19 : 0))
    if ((attempt == 3 || (connect_ms < 2000 && query_ms < 100))); then break; fi
  done
  if ((connect_ms >= 2000 && query_ms < 500)); then
    problem "a connection to the datastore at $database_address takes $(tenths "$connect_ms") s, but a query $query_ms ms: the datastore's reverse DNS lookups of its clients time out, and K3s gives up after 5 s. Set skip-name-resolve on the database server, or add the servers' addresses to its DNS."
  elif ((query_ms >= 100)); then
    problem "a query to the datastore at $database_address takes $query_ms ms, and K3s makes several for every request. Use a datastore nearer to the servers: under 20 ms."
  fi
}

tenths() { printf '%d.%d' $(($1 / 1000)) $(($1 % 1000 / 100)); }

# All questions on one connection; a variable that this server does not have leaves its answer out.
ask() {
  local name line
  declare -gA answers=()
  local variables=(wsrep_on auto_increment_increment binlog_format innodb_snapshot_isolation max_connections read_only
    group_replication_single_primary_mode group_replication_group_name)
  {
    printf 'SELECT "version", VERSION();\n'
    for name in "${variables[@]}"; do printf 'SELECT "%s", @@GLOBAL.%s;\n' "$name" "$name"; done
    printf 'SELECT "max_user_connections", @@SESSION.max_user_connections;\n'
    printf 'SHOW GLOBAL STATUS LIKE "Threads_connected";\n'
    printf 'SELECT "own_connections", COUNT(*) FROM information_schema.processlist;\n'
    printf 'SELECT "schema", schema_name FROM information_schema.schemata WHERE schema_name = "%s";\n' "$database"
    # shellcheck disable=SC2016 # the database's own quotes
    printf 'SELECT DISTINCT "bootstrap", name FROM `%s`.kine WHERE name LIKE "/bootstrap/%%" AND name <> "/bootstrap/%s" LIMIT 1;\n' "$database" "$token_fingerprint"
    printf 'SHOW GRANTS;\n'
    printf 'SHOW CREATE USER CURRENT_USER();\n'
  } >"$client_directory/questions"
  while IFS= read -r line; do
    case $line in
      "GRANT "*) grants+=("$line") ;;
      "CREATE USER "*) account=$line ;;
      *$'\t'*) answers[${line%%$'\t'*}]=${line#*$'\t'} ;;
    esac
  done < <(sql --connect-timeout=60 --force <"$client_directory/questions" 2>/dev/null)
}

check_version() {
  local version=${answers[version]:-} found=mysql
  [[ $version =~ ^([0-9]+)\.([0-9]+) ]] || { problem "the database server does not report its version"; return; }
  local major=${BASH_REMATCH[1]} minor=${BASH_REMATCH[2]}
  [[ $version != *MariaDB* ]] || found=mariadb
  [[ -z $engine || $engine == "$found" ]] ||
    problem "the database server is $([[ $found == mysql ]] && printf MySQL || printf MariaDB) $version, but k3s-ha:datastore.existing.engine is $engine. Correct the setting."
  if [[ $found == mariadb ]]; then
    ((major > 10 || (major == 10 && minor >= 6))) ||
      problem "MariaDB $version is older than 10.6, the oldest that K3s is tested on. Upgrade it."
  else
    ((major <= 9 && (major > 5 || (major == 5 && minor >= 7)))) ||
      problem "MySQL $version is not one of 5.7 to 9, which K3s is tested on. Use one of them."
    [[ $expected_plugin == "" || $account != *"IDENTIFIED WITH "* || $account == *"IDENTIFIED WITH '$expected_plugin'"* || $major -lt 8 ]] ||
      problem "the database server gives new users an old authentication plugin instead of $expected_plugin. Set its default_authentication_plugin, or authentication_policy, to $expected_plugin, and remove the user $database_user."
  fi
}

check_settings() {
  local wsrep=${answers[wsrep_on]:-0} group=${answers[group_replication_group_name]:-} single=${answers[group_replication_single_primary_mode]:-1}
  local increment=${answers[auto_increment_increment]:-unknown}
  [[ $wsrep =~ ^(0|OFF)$ ]] ||
    problem "MariaDB runs as a Galera cluster, which K3s does not support. Use a single primary."
  [[ -z $group || $group == NULL || $single =~ ^(1|ON)$ ]] ||
    problem "MySQL runs group replication with several primaries, which K3s does not support. Switch it to single-primary mode."
  [[ ${answers[read_only]:-0} =~ ^(0|OFF|NO_LOCK)$ ]] ||
    problem "the database server is read-only, like a replica. Use the address of the primary."
  [[ $increment == 1 ]] ||
    problem "auto_increment_increment is $increment; K3s would fill every gap with a row. Set it to 1."
  [[ ${answers[binlog_format]:-} != STATEMENT ]] ||
    problem "binlog_format is STATEMENT, with which K3s can lose writes. Set it to ROW."
  [[ ${answers[innodb_snapshot_isolation]:-0} =~ ^(0|OFF)$ ]] ||
    problem "innodb_snapshot_isolation is ON; K3s could not compact its table, which would grow without limit. Set it to OFF."
}

check_connections() {
  local most=${answers[max_connections]:-0} own=${answers[own_connections]:-0} mine=${answers[max_user_connections]:-0} left
  if ((most < needed_connections)); then
    problem "max_connections is $most; these servers need $needed_connections, $connections_per_server each. Raise it, or lower k3s-ha:datastore.connectionsPerServer."
    return
  fi
  left=$((most - ${answers[Threads_connected]:-0} + own))
  ((left >= needed_connections)) ||
    problem "others use $((most - left)) of the datastore's $most connections; these servers need $needed_connections, $connections_per_server each. Raise max_connections, or lower k3s-ha:datastore.connectionsPerServer."
  ((mine == 0 || mine >= needed_connections)) ||
    problem "the user $database_user may have $mine connections; these servers need $needed_connections, $connections_per_server each. Raise its limit, or lower k3s-ha:datastore.connectionsPerServer."
}

# covers PATTERN: whether a grant's schema, in which _ and % stand for others unless escaped, is ours.
covers() {
  local pattern=${1//\\_/$'\1'}
  pattern=${pattern//_/?}
  pattern=${pattern//%/*}
  pattern=${pattern//$'\1'/_}
  # shellcheck disable=SC2053 # a pattern is what it is
  [[ $database == $pattern ]]
}

check_privileges() {
  local grant missing=() privilege held=" "
  if [[ -z ${answers[schema]:-} ]]; then
    problem "the schema \"$database\" does not exist, or the user $database_user may not see it. Create it: CREATE DATABASE \`$database\` CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci."
    return
  fi
  for grant in "${grants[@]}"; do
    # shellcheck disable=SC2016 # the database's own quotes
    [[ $grant =~ ^GRANT\ (.*)\ ON\ (\*|\`[^\`]*\`)\.\*\ TO\  ]] || continue
    [[ ${BASH_REMATCH[2]} == "*" ]] || covers "$(tr -d '\140' <<<"${BASH_REMATCH[2]}")" || continue
    held+="${BASH_REMATCH[1]//,/ } "
  done
  [[ $held != *" ALL PRIVILEGES "* ]] || return 0
  for privilege in SELECT INSERT UPDATE DELETE CREATE INDEX; do
    [[ $held == *" $privilege "* ]] || missing+=("$privilege")
  done
  ((${#missing[@]} == 0)) ||
    problem "the user $database_user lacks ${missing[*]} on the schema \"$database\". As the administrator: GRANT $(printf '%s, ' "${missing[@]}" | sed 's/, $//') ON \`$database\`.* TO that user."
}

check_owner() {
  [[ -z ${answers[bootstrap]:-} ]] ||
    problem "the schema \"$database\" holds another cluster, or this one under another token. Choose another $database_setting, or, if that cluster no longer exists, drop it: DROP DATABASE \`$database\`"
}

apply() {
  lock_host
  install_packages mariadb-client
  account=""
  open_client
  measure
  ask
  check_version
  check_settings
  check_connections
  check_privileges
  check_owner
  if ((${#problems[@]})); then
    printf '%s\n' "${problems[@]}" >&2
    exit 1
  fi
}

remove() { :; }
