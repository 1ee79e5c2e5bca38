# shellcheck shell=bash
# Starts K3s on restored data, and verifies that it works with them.
tls=/var/lib/rancher/k3s/server/tls

ready() {
  if [[ $unit == k3s ]]; then
    [[ $(curl --silent --max-time 3 --cacert $tls/server-ca.crt --cert $tls/client-admin.crt --key $tls/client-admin.key \
      https://127.0.0.1:6443/readyz 2>/dev/null) == ok ]]
  else
    curl --silent --max-time 3 --output /dev/null http://localhost:10248/healthz
  fi
}

# Keys on this disk that are younger than those in the backup would end K3s at once; it creates them again from the backup.
set_keys_aside() {
  local aside=/var/lib/rancher/k3s/server/before-restore-$started name
  [[ $(journalctl --unit k3s --since "@$since" --output cat --no-pager) == *"newer than datastore"* ]] || return 0
  [[ ! -e $aside ]] || return 0
  systemctl stop k3s
  mkdir -p "$aside"
  for name in tls cred; do if [[ -e /var/lib/rancher/k3s/server/$name ]]; then mv "/var/lib/rancher/k3s/server/$name" "$aside/"; fi; done
  printf '%s\n' "$host_name: its keys were newer than the backup's; they are kept in $aside"
  systemctl start --no-block k3s
}

apply() {
  local deadline=$((SECONDS + ready_seconds)) since
  lock_host
  since=$(date +%s)
  systemctl stop "$unit"
  systemctl start --no-block "$unit"
  until ready; do
    if ((SECONDS >= deadline)); then
      journal_tail "$unit" "$secrets_path"
      die "$host_name: K3s is not ready after $ready_seconds s; its journal above gives the reason"
    fi
    if [[ $unit == k3s ]]; then set_keys_aside; fi
    sleep 0.5
  done
}

remove() { :; }
