# shellcheck shell=bash
# Creates the schema on a database server that this host reaches. It outlives the stack.

# ask_server SQL: what the server answers, or the end with its reason.
ask_server() {
  local answer
  answer=$(sql --connect-timeout=10 2>&1 < <(printf '%s' "$1")) || case $answer in
    *"ERROR 2002 "* | *"ERROR 2003 "* | *"ERROR 2005 "* | *"ERROR 2013 "*)
      die "$host_name: the database server at $database_address cannot be reached from this host: $(reason_of "$answer"). Check k3s-ha:datastore.existing.address and port, that the server is up, and the firewalls in between; or name another host in k3s-ha:datastore.existing.via."
      ;;
    *"ERROR 2026 "*)
      die "$host_name: the certificate of the database server at $database_address cannot be verified: $(reason_of "$answer"). The CA in k3s-ha:datastore.existing.caFile has to have signed it, and it has to name exactly this address."
      ;;
    *"ERROR 1045 "* | *"ERROR 1130 "*)
      die "$host_name: the database server at $database_address refuses k3s-ha:datastore.existing.adminUser: $(reason_of "$answer"). Check its password, k3s-ha:datastoreAdminPassword, and that it may log in from this host."
      ;;
    *)
      die "$host_name: the database server at $database_address did not create the schema: $(reason_of "$answer"). See docs/datastores.md for the administrator's rights."
      ;;
  esac
  printf '%s' "$answer"
}

reason_of() { sed -nE 's/^ERROR [0-9]+ ?(\([A-Z0-9]+\))?( at line [0-9]+)?: *//p' <<<"$1" | sed -E "s/near '.*//; s/\.$//" | head -n 1; }

open_server() {
  lock_host
  install_packages "${packages[@]}"
  open_client
}

# A new stack takes no schema of others. One without tables is nobody's, or of a run that was killed.
apply() {
  local tables
  open_server
  tables=$(ask_server "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = '$database'")
  ((tables == 0)) ||
    die "$host_name: the schema \"$database\" at $database_address has tables and does not belong to this stack. A destroyed cluster leaves its schema behind: if that cluster no longer exists, drop it (DROP DATABASE \`$database\`); otherwise choose another k3s-ha:datastore.existing.database. If this stack created it before k3s-ha:datastore.existing.via was set, remove that setting."
  ask_server "$schema_sql"
}

reapply() {
  open_server
  ask_server "$schema_sql"
}

remove() { :; }
