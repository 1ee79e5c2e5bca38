# shellcheck shell=bash
# Switches to a release and its settings, starts K3s when what it reads has changed, and verifies that the node works.

# A node that failed is rolled back to the files that it was last verified with, if any.
fail() {
  local outcome=""
  journal_tail "$unit" "$secrets_path" "$proxy_path"
  if put_back "$unit"; then
    withdraw_node_files "${copied_paths[@]}"
    restart_k3s
    if is_proved_within 90; then
      outcome="; it runs with its previous settings again"
    else
      outcome="; its previous settings are back in place, and it is not ready with them either"
    fi
  fi
  die "$host_name: $*$outcome. Nothing was changed on the hosts after it. Revert the change, or correct it, and run up again."
}

restart_k3s() {
  systemctl daemon-reload
  systemctl enable --quiet "$unit"
  # Stopped first, so that it is never the old process that answers.
  systemctl stop "$unit"
  if rotation_is_due; then rotate_certificates; fi
  systemctl start --no-block "$unit"
}

# A new value requests new certificates; a node without any creates them at its first start anyway.
rotation_is_due() {
  [[ -n $certificate_rotation && $certificate_rotation != "$(cat "$state_directory/$unit.rotation" 2>/dev/null)" ]]
}

rotate_certificates() {
  if [[ -e $kubeconfig ]]; then
    k3s certificate rotate >&2 || die "$host_name: k3s certificate rotate failed; the reason is above"
  fi
  write_file "$state_directory/$unit.rotation" <<<"$certificate_rotation"
}

# is_awaited STATE [VERSION]: Ready or, where a network plugin of the owner's comes later, a node at all.
is_awaited() {
  [[ $awaits_ready == false || $1 == "True "* ]] && [[ $1 == *" ${2:-}"* ]]
}

is_proved_within() {
  local deadline=$((SECONDS + $1)) state
  until ready && state=$(node_state) && is_awaited "$state"; do
    ((SECONDS < deadline)) || return 1
    sleep 0.5
  done
}

switch_release() {
  local name
  ln -sfn "$release_directory/k3s" /usr/local/bin/.k3s.new
  put_in_place /usr/local/bin/.k3s.new /usr/local/bin/k3s
  for name in kubectl crictl ctr; do
    is_there "/usr/local/bin/$name" || ln -s k3s "/usr/local/bin/$name"
  done
}

ready() {
  if [[ $role == server ]]; then
    local tls=/var/lib/rancher/k3s/server/tls
    [[ $(curl --silent --max-time 3 --cacert $tls/server-ca.crt --cert $tls/client-admin.crt --key $tls/client-admin.key \
      https://127.0.0.1:6443/readyz 2>/dev/null) == ok ]]
  else
    # The kubelet listens there once the agent has joined: at ::1 if the node's first address is IPv6. curl tries both.
    [[ -s $kubeconfig ]] && curl --silent --max-time 3 --output /dev/null http://localhost:10248/healthz
  fi
}

node_state() {
  answer_of k3s kubectl --kubeconfig "$kubeconfig" get node "$node_name" --request-timeout 5s --output \
    'jsonpath={.status.conditions[?(@.type=="Ready")].status} {.status.nodeInfo.kubeletVersion}'
}

# Whose node this is. It may be told as soon as the node is there: one that never gets Ready has to be removed as well.
mark_node() {
  k3s kubectl --kubeconfig "$kubeconfig" annotate node "$node_name" "k3s-ha.io/stack=$node_owner" --overwrite --request-timeout 5s >/dev/null 2>&1
}

wait_until_proved() {
  local deadline=$((SECONDS + ready_seconds)) state="" restarts
  until ready; do
    restarts=$(systemctl show --property NRestarts --value "$unit")
    ((restarts < 20)) || fail "K3s starts and dies again and again; its journal above says why"
    ((SECONDS < deadline)) || fail "K3s is not ready after $ready_seconds s; its journal above gives the reason"
    sleep 0.3
  done
  until state=$(node_state) && is_awaited "$state" "$version"; do
    mark_node || :
    ((SECONDS < deadline)) || fail "the node is not Ready with $version after $ready_seconds s, it is: $state"
    sleep 0.5
  done
}

# Nothing runs from them any more, and the way back from an upgrade is not to start one of them.
remove_other_releases() {
  find "$(dirname "$release_directory")" -mindepth 1 -maxdepth 1 -type d ! -name "$version" -exec rm -rf {} +
}

# start_node: its files are in place. What a role does before a restart and after the verification, it defines as `before_restart`
# and `after_proof`.
start_node() {
  local now deadline optional path
  switch_release
  place_node_files
  # Only those that there are: a node without one is the same as before there could be any.
  optional=(${node_file_paths[@]+"${node_file_paths[@]}"})
  for path in "$registries_path" "$pod_network_path"; do [[ ! -e $path ]] || optional+=("$path"); done
  now="$version $(fingerprint "$unit_path" "$config_path" "$secrets_path" "$datastore_ca_path" /etc/default/"$unit" ${optional[@]+"${optional[@]}"})"
  if ! runs_with "$unit" "$now" || rotation_is_due; then
    before_restart
    restart_k3s
  fi
  wait_until_proved
  # An API that has started a moment ago may exceed the time limit of a request.
  deadline=$((SECONDS + 60))
  until mark_node; do
    ((SECONDS < deadline)) || die "$host_name: the node could not be marked as this stack's; run up again"
    sleep 1
  done
  after_proof
  keep "$unit" "$unit_path" "$config_path" /usr/local/bin/k3s "$secrets_path" "$datastore_ca_path" "$datastore_certificate_path" \
    "$datastore_key_path" "$registries_path" "$pod_network_path" ${node_file_paths[@]+"${node_file_paths[@]}"}
  settle_node_files
  proved "$unit" "$now"
  remove_other_releases
  print_revision "$unit"
}
