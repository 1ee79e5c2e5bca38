#!/bin/bash
# How systemd stops K3s on a server, so that others can take over from it without waiting.
#   k3s-stop lead-away SECONDS  before K3s ends: balancers learn that this server wants no new clients, and have SECONDS for it:
#                               a client that comes in the moment that K3s ends would lose its connection
#   k3s-stop give-up ended      when K3s has ended: what it led is free at once, and not when its leases have run out
#   k3s-stop give-up started    the same when it runs again, for a single server, whom nobody could be told before
set -u
directory=/run/k3s-ha
tls=/var/lib/rancher/k3s/server/tls
leases=/apis/coordination.k8s.io/v1/namespaces/kube-system/leases
# K3s's own, and no others: a pod of the host's network that goes on running may have leases of the host's name too.
patience=2
led_by_k3s=(kube-scheduler kube-controller-manager k3s k3s-cloud-controller-manager)

# ask ADDRESS PATH OPTION...
ask() {
  local address=$1 path=$2
  if [[ $address == *:* ]]; then address="[$address]"; fi
  # A dead server takes no connection; one that has just begun may take its time to answer.
  # Never through a proxy that the host has.
  curl --noproxy '*' --silent --fail --connect-timeout 1 --max-time "$patience" --cacert $tls/server-ca.crt --cert $tls/client-admin.crt --key $tls/client-admin.key \
    "${@:3}" "https://$address:6443$path"
}

# value NAME: of a string in JSON, one on a line; the first of that name.
value() { sed -nE "s/^ *\"$1\": \"([^\"]*)\",?\$/\1/p" | head -n 1; }

# Which leases this K3s holds, as whom, and where the servers are that can be told: only a running one can say.
remember_leases() {
  local name holder host answer status
  host=$(</proc/sys/kernel/hostname)
  rm -f "$directory/leases"
  for name in "${led_by_k3s[@]}"; do
    answer=$(ask 127.0.0.1 "$leases/$name?pretty=true")
    status=$?
    # There is no such lease, or there is no answer at all, as with a datastore that hangs.
    if ((status == 22)); then continue; elif ((status > 0)); then break; fi
    holder=$(value holderIdentity <<<"$answer")
    if [[ $holder == "$host" || $holder == "${host}_"* ]]; then printf '%s %s\n' "$name" "$holder" >>"$directory/leases"; fi
  done
  [[ ! -e $directory/leases ]] || { ask 127.0.0.1 '/api/v1/namespaces/default/endpoints/kubernetes?pretty=true' | sed -nE 's/^ *"ip": "([^"]+)",?$/\1/p'; echo 127.0.0.1; } >"$directory/servers"
}

# give_up_at ADDRESS: fails when that server does not answer.
give_up_at() {
  local name holder lease version
  while read -r name holder; do
    # Without a name of this very process it may be the lease of the one that runs now.
    if [[ $state == started && $holder != *_* ]]; then continue; fi
    lease=$(ask "$1" "$leases/$name?pretty=true") || return 1
    [[ $(value holderIdentity <<<"$lease") == "$holder" ]] || continue
    version=$(value resourceVersion <<<"$lease")
    ask "$1" "$leases/$name" --output /dev/null --request PATCH --header 'Content-Type: application/merge-patch+json' \
      --data "{\"metadata\": {\"resourceVersion\": \"$version\"}, \"spec\": {\"holderIdentity\": null, \"leaseDurationSeconds\": 1}}" || return 1
    printf 'gave up the lease %s at %s\n' "$name" "$1"
  done <"$directory/leases"
}

give_up() {
  local state=$1 address addresses
  [[ -s $directory/leases ]] || return 0
  if [[ $state == started ]]; then patience=15; else patience=5; fi
  mapfile -t addresses <"$directory/servers"
  for address in "${addresses[@]}"; do
    if give_up_at "$address"; then
      rm -f "$directory/leases" "$directory/servers"
      return 0
    fi
  done
}

lead_away() {
  local i
  ((seconds > 0)) || return 0
  exec 8>"$directory/leaving.lock"
  # Somebody who changes this server has led its clients away already; an answer to a balancer holds the lock for an instant.
  flock --timeout 0.3 8 || return 0
  sleep "$seconds"
  kill -TERM "$MAINPID"
  # The lock ends with this script. What does not end in time is systemd's.
  for ((i = 0; i < 100; i++)); do
    kill -0 "$MAINPID" 2>/dev/null || return 0
    sleep 0.1
  done
}

# Root's own: nobody else may be able to hold the lock.
install --directory --mode=0700 "$directory"
case $1 in
  lead-away)
    seconds=$2
    # It ended by itself, so there is nobody to lead away any more.
    kill -0 "${MAINPID:-}" 2>/dev/null || exit 0
    remember_leases
    lead_away
    ;;
  give-up) give_up "$2" ;;
esac
exit 0
