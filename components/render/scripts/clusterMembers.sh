# shellcheck shell=bash
# Removes the nodes that this stack had made and that are not among its members any more: their pods go elsewhere, the
# nodes and the passwords that they joined with are deleted. Another node of that name can then join. In the end every
# member has a node, and it is marked as this stack's.
node_kubectl() { k3s kubectl --kubeconfig /etc/rancher/k3s/k3s.yaml "$@"; }

wait_for_api() {
  local deadline=$((SECONDS + 60)) answer
  until answer=$(node_kubectl get --raw /readyz --request-timeout 5s 2>&1) && [[ $answer == ok ]]; do
    ((SECONDS < deadline)) || die "$host_name: the API of this server does not answer, so no node can be removed: $(tail -n 1 <<<"$answer")"
    sleep 1
  done
}

leaving_nodes() {
  node_kubectl get nodes --request-timeout 20s --output 'jsonpath={range .items[*]}{.metadata.name} {.metadata.annotations.k3s-ha\.io/stack}{"\n"}{end}' |
    awk -v owner="$node_owner" -v members=" ${members[*]} " '$2 == owner && !index(members, " " $1 " ") { print $1 }'
}

is_ready() {
  [[ $(node_kubectl get node "$1" --request-timeout 10s --output 'jsonpath={.status.conditions[?(@.type=="Ready")].status}') == True ]]
}

# Where no kubelet answers there is nothing to wait for: the pods are deleted with the node.
drain_node() {
  is_ready "$1" || return 0
  node_kubectl drain "$1" --ignore-daemonsets --delete-emptydir-data --force --timeout "${drain_seconds}s" >&2 ||
    printf '%s: %s still has pods after %s s; they end with it\n' "$host_name" "$1" "$drain_seconds" >&2
}

delete_node() {
  local password=$1.node-password.k3s deadline=$((SECONDS + 15))
  node_kubectl delete node "$1" --ignore-not-found --timeout 60s >&2 || die "$host_name: the node $1 could not be deleted; see the answer above"
  # K3s deletes the password with the node, a moment later.
  while [[ -n $(node_kubectl --namespace kube-system get secret "$password" --ignore-not-found --request-timeout 10s --output name) ]]; do
    ((SECONDS < deadline)) || node_kubectl --namespace kube-system delete secret "$password" --ignore-not-found --timeout 30s >&2 ||
      die "$host_name: the password of the deleted node $1 could not be deleted, see the answer above; run up again"
    sleep 0.5
  done
}

# Members whose node is gone: somebody deleted it, or a run that was to take the host out did, and ended there.
missing_members() {
  local present member
  present=$(node_kubectl get nodes --request-timeout 20s --output 'jsonpath={range .items[*]} {.metadata.name} {end}') || return
  for member in "${members[@]}"; do
    [[ $present == *" $member "* ]] || printf '%s ' "$member"
  done
}

apply() {
  local missing nodes node drains=()
  lock_host
  wait_for_api
  nodes=$(leaving_nodes)
  # All of them first, so that no pod moves from one that goes to another one.
  for node in $nodes; do node_kubectl cordon "$node" --request-timeout 10s >&2; done
  for node in $nodes; do
    drain_node "$node" &
    drains+=("$!")
  done
  for node in "${drains[@]}"; do wait "$node"; done
  for node in $nodes; do delete_node "$node"; done
  missing=$(missing_members)
  [[ -z $missing ]] || die "$host_name: there is no node of these members: ${missing% }. K3s makes it when it starts: on each of these hosts run \"systemctl restart k3s\" (on an agent \"systemctl restart k3s-agent\"), then run up again."
  node_kubectl annotate node "${members[@]}" "k3s-ha.io/stack=$node_owner" --overwrite --request-timeout 20s >/dev/null
}

remove() { :; }
