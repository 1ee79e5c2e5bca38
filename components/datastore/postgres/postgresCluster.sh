# shellcheck shell=bash
# The PostgreSQL cluster "main" of this host, of the newest version that is installed, and SQL on its local socket.

# find_cluster: sets version, data_directory and config_directory, the last two also of one that is still to be created.
find_cluster() {
  version=$(find /usr/lib/postgresql -mindepth 3 -maxdepth 3 -path '*/bin/postgres' 2>/dev/null | cut -d / -f 5 | sort --numeric-sort | tail -n 1) || version=""
  cluster_unit=postgresql@$version-main
  config_directory=/etc/postgresql/$version/main
  config_path=$config_directory/conf.d/90-k3s-ha.conf
  memory_path=$config_directory/conf.d/91-k3s-ha-memory.conf
  data_directory=$(pg_lsclusters --no-header "$version" main 2>/dev/null | awk '{ print $6 }') || data_directory=""
}

# sql ARGUMENT...: as the superuser, who logs in on the socket by the name of the operating system's user. What it runs comes
# through standard input or arguments, and an error ends it.
sql() {
  (cd / && exec setpriv --reuid=postgres --regid=postgres --init-groups env PGPORT="${socket_port:-$port}" \
    psql --no-psqlrc --no-password --tuples-only --no-align --quiet --field-separator=$'\t' --set=ON_ERROR_STOP=1 --dbname=postgres "$@")
}

is_running() { systemctl is-active --quiet "$cluster_unit"; }

# write_hba: who may log in, exactly those whose files are in the directory of clients: "USER ADDRESS", one file for each client.
write_hba() {
  local path user from
  {
    printf '%s\n' "# Written by k3s-ha; changes made here are overwritten." "local all postgres peer"
    for path in "$clients_directory"/*.address; do
      [[ -f $path ]] || continue
      while read -r user from; do
        if [[ $from == *:* ]]; then from=$from/128; else from=$from/32; fi
        printf 'hostssl "%s" "%s" %s scram-sha-256\n' "$database" "$user" "$from"
      done < <(grep ' ' "$path")
    done | sort --unique
  } | put_file "$hba_path" 0640 root:postgres
}

# reload: has the server read its files again, once it finds no fault in them.
reload() {
  local faults
  faults=$(sql --command "SELECT coalesce(error, '') FROM pg_hba_file_rules WHERE error IS NOT NULL")
  [[ -z $faults ]] || die "$host_name: PostgreSQL refuses its list of clients, $hba_path: ${faults//$'\n'/; }"
  sql --command 'SELECT pg_reload_conf()' >/dev/null
}
