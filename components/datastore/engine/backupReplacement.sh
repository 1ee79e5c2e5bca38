# shellcheck shell=bash
# ---- replacing the content of an existing datastore by a backup ----

# sql: as the administrator whose login is in an option file, over verified TLS.
sql() {
  "$client" --defaults-file="$login" "${tls_options[@]}" --connect-timeout=10 --batch --skip-column-names --max-allowed-packet="$max_packet" "$@"
}

# parse_replacement ID --login FILE [--identity FILE]: sets wanted, login and identity.
parse_replacement() {
  wanted='' login='' identity=${setting[drill_identity]}
  while (($#)); do
    case $1 in
      --login) login=${2:?--login takes a file} && shift ;;
      --identity) identity=${2:?--identity takes a file} && shift ;;
      *) wanted=$1 ;;
    esac
    shift
  done
  [[ -n $wanted && -n $login ]] || die "replace takes the id of a backup, and --login FILE: an option file, [client] with host, port, user, password and ssl-ca, of an account with the rights to create schemas and rename tables"
  [[ -r $login ]] || die "cannot read the login in $login"
  [[ $(stat --format %a "$login") == ?00 ]] || die "others can read the login in $login: chmod 0600 $login"
}

# K3s that runs would write on, and take what it remembers for the truth.
refuse_running_servers() {
  local others
  others=$(sql --execute "SELECT COUNT(*) FROM information_schema.processlist WHERE db = '$database' AND id <> CONNECTION_ID()") ||
    die "the datastore ${setting[source]} refuses the login in $login; its answer is above"
  ((others == 0)) || die "$others connections use the schema $database: stop K3s on every server first (systemctl stop k3s); pods keep running. Nothing was changed"
}

keep_replaced() {
  kept=$directory/before-restore-$started.sql.zst
  is_there "$database" || return 0
  "$dumper" --defaults-file="$login" "${tls_options[@]}" "${dump_options[@]}" --single-transaction --quick --hex-blob --skip-triggers --no-tablespaces \
    --max-allowed-packet="$max_packet" "$database" kine | zstd --quiet >"$kept.new" || die "the current content of the datastore could not be dumped, so nothing was changed"
  [[ $(zstd --quiet --decompress --stdout "$kept.new" | tail -n 1) == "-- Dump completed"* ]] || die "the dump of the current content is incomplete, so nothing was changed"
  sync "$kept.new"
  mv "$kept.new" "$kept"
  say "the old content of the datastore is kept in $kept"
}

# replace ID --login FILE [--identity FILE]: with K3s stopped on every server.
replace() {
  local label=replace id wanted identity login kept host_name=${setting[host_name]}
  local database=${setting[database]} dump=$directory/.partial/kine.sql.zst started beside
  beside=${database}_restoring
  local expected_rows expected_revision expected_at
  parse_replacement "$@"
  lock
  started=$(utc "$(date +%s)" %Y%m%dT%H%M%SZ)
  begin_work
  choose_client
  id=$(chosen_backup "$wanted")
  identity=$(identity_for "$id" "$identity")
  open_into "$id" "$identity" "$work/$dump_name"
  attend compress "$work/$dump_name" "$dump" || die "the dump could not be written: $(complaint)"
  rm "$work/$dump_name"
  expected_rows=$(manifest_value "$id" rows) expected_revision=$(manifest_value "$id" revision) expected_at=$(manifest_value "$id" startedAt)
  refuse_running_servers
  keep_replaced
  import_beside
  raise_revisions
  exchange
  say "backup $id has replaced the content of the schema $database; start K3s on one server, then on the others, then restart the agents"
}
