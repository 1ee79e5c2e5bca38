# shellcheck shell=bash
# Reads, changes nothing: how this host is doing, a line "kind<TAB>value…" for each thing that there is to say.
tell() { local IFS=$'\t'; printf '%s\n' "$*"; }

# certificate OWNER NAME PATH: the first certificate in a file, and nothing else of it: there may be a key behind it.
certificate() {
  local text
  text=$(sed -nE '/^-----BEGIN CERTIFICATE/,/^-----END CERTIFICATE/p; /^-----END CERTIFICATE/q' "$3" 2>/dev/null | grep -v -e ----- | tr -d '\n') || text=
  if [[ -n $text ]]; then tell certificate "$1" "$2" "$3" "$text"; fi
}

# unit NAME: systemd's word, and how often it was started again.
unit() { tell unit "$1" "$(systemctl show --property ActiveState --value "$1")" "$(systemctl show --property NRestarts --value "$1")"; }

tell_balancer() {
  unit haproxy
  # name, state, seconds in it, result of the last check, and its words
  socat -t 2 - "UNIX-CONNECT:$haproxy_socket" <<<"show stat" 2>/dev/null |
    awk -F , -v OFS='\t' '$1 == "servers" && $2 != "BACKEND" { print "server", $2, $18, $24, $37, $57 }' || tell silent haproxy
  certificate balancer "readiness check" /etc/haproxy/k3s-ha/health.pem
  if [[ -n $virtual_address ]]; then
    unit keepalived
    if ip -oneline address show | grep -qF " $virtual_address/"; then tell virtual yes; else tell virtual no; fi
  fi
}

ask_api() {
  local tls=/var/lib/rancher/k3s/server/tls
  curl --silent --max-time "$2" --cacert $tls/server-ca.crt --cert $tls/client-admin.crt --key $tls/client-admin.key \
    --header 'Accept: application/json;as=Table;v=v1;g=meta.k8s.io,application/json' "https://127.0.0.1:6443$1" 2>/dev/null
}

tell_server() {
  local path name nodes ready failed
  unit k3s
  for path in /var/lib/rancher/k3s/server/tls/*.crt /var/lib/rancher/k3s/agent/*.crt; do
    name=$(basename "$path" .crt)
    certificate k3s "$name" "$path"
  done
  ready=$(ask_api /readyz 3) || ready="no answer"
  failed=$(sed -nE 's/^\[-\]([^ ]+) failed.*/\1/p' <<<"$ready" | paste -sd ,)
  tell ready "${failed:-${ready%%$'\n'*}}"
  if nodes=$(ask_api '/api/v1/nodes?includeObject=None&pretty=false' 3) && [[ $nodes == *'"kind":"Table"'* ]]; then
    tell nodes "$(tr -d '\n\t' <<<"$nodes")"
  fi
}

tell_agent() {
  unit k3s-agent
  for path in /var/lib/rancher/k3s/agent/*.crt; do certificate k3s "$(basename "$path" .crt)" "$path"; done
}

# The time is the database's own for one look at the newest row: without the client, and without the network.
tell_datastore() {
  local answer
  unit mariadb
  if answer=$(mariadb --connect-timeout=3 --batch --skip-column-names "$database" 2>&1 <<'SQL'
SET @before = SYSDATE(6), @newest = (SELECT COALESCE(MAX(id), 0) FROM kine);
SET @microseconds = TIMESTAMPDIFF(MICROSECOND, @before, SYSDATE(6));
SELECT VERSION(), @@max_connections,
       (SELECT VARIABLE_VALUE FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME = 'THREADS_CONNECTED'),
       @microseconds, (SELECT COUNT(*) FROM kine), @newest,
       COALESCE((SELECT MAX(prev_revision) FROM kine WHERE name = 'compact_rev_key'), 0),
       (SELECT COALESCE(SUM(data_length + index_length), 0) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()),
       COALESCE((SELECT VARIABLE_VALUE FROM information_schema.GLOBAL_VARIABLES WHERE VARIABLE_NAME = 'INNODB_SNAPSHOT_ISOLATION'), 'OFF'),
       (SELECT COUNT(DISTINCT SUBSTRING_INDEX(HOST, ':', 1)) FROM information_schema.PROCESSLIST WHERE DB = DATABASE() AND HOST <> 'localhost');
SQL
  ); then
    tell datastore "$answer"
  else
    tell datastore-fault "$(tail -n 1 <<<"$answer" | tr '\t' ' ')"
  fi
  certificate datastore server /etc/mysql/k3s-ha/server.crt
  certificate datastore ca /etc/mysql/k3s-ha/ca.crt
}

tell_backup() {
  local manifest
  command -v k3s-ha-backup >/dev/null || return 0
  unit k3s-ha-backup.timer
  unit k3s-ha-backup.service
  if manifest=$(k3s-ha-backup latest --json 2>&1); then
    tell backup "$(tr -d '\n\t' <<<"$manifest")"
  else
    tell backup-fault "$(tail -n 1 <<<"$manifest" | tr '\t' ' ')"
  fi
}

apply() {
  case $role in
    loadBalancer) tell_balancer ;;
    server) tell_server ;;
    agent) tell_agent ;;
    datastore) tell_datastore ;;
  esac
  tell_backup
  tell end
}

remove() { :; }
