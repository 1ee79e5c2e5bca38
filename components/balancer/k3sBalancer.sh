# shellcheck shell=bash
# Out of the load balancers before K3s is restarted, and back when it is verified.

# Answers load balancers from now on; the units are in place.
start_balancer_state() {
  systemctl daemon-reload
  start_socket "$balancer_state_socket" "$balancer_state_port"
  if [[ -n $server_health_port ]]; then start_socket "$server_health_socket" "$server_health_port"; fi
}

# start_socket UNIT PORT
start_socket() {
  local path
  for path in "${changed_paths[@]}"; do
    [[ $path != *"/$1" ]] || systemctl stop "$1"
  done
  systemctl enable --quiet --now "$1" ||
    die "$host_name: cannot listen on port $2, where load balancers check whether this server takes clients; see: systemctl status $1"
}

# The weight that load balancers are told is nothing for as long as this process holds the lock, and not longer: should it be
# killed, the server's readiness alone decides again.
leave_balancers() {
  if ((leave_seconds == 0)) || ! systemctl is-active --quiet "$unit"; then return 0; fi
  make_runtime_directory
  exec 8>"$runtime_directory/leaving.lock"
  flock --timeout 5 8 || die "$host_name: another process keeps this server out of the load balancers; see: fuser -v $runtime_directory/leaving.lock"
  sleep "$leave_seconds"
}

# The restart of the next server relies on this one having its clients again.
return_to_balancers() {
  [[ -e /proc/self/fd/8 ]] || return 0
  exec 8>&-
  sleep "$return_seconds"
}

# leaders_are_at_work: whether the leaders of the controllers have renewed their leases within 15 s; they do so every two.
leaders_are_at_work() {
  local times time
  times=$(k3s kubectl --kubeconfig "$kubeconfig" get lease kube-scheduler kube-controller-manager --namespace kube-system --ignore-not-found \
    --request-timeout 5s --output 'jsonpath={range .items[*]}{.spec.holderIdentity} {.spec.renewTime}{"\n"}{end}' 2>/dev/null) || return
  while read -r _ time; do
    # Of one that was given up there is a time alone.
    [[ -n $time ]] && (($(date +%s) - $(date --date="$time" +%s) < 15)) || return
  done <<<"$times"
}

# Pods that are taken off a node after this have to find another: without a scheduler at work they would wait. A cluster may have
# been told to do without; it continues.
wait_for_leaders() {
  local deadline=$((SECONDS + 60))
  until leaders_are_at_work || ((SECONDS >= deadline)); do sleep 0.5; done
}
