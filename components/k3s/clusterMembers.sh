# shellcheck shell=bash
# Removes the nodes that this stack had made and that are not among its members any more: their pods go elsewhere, the
# nodes and the passwords that they joined with are deleted. Another node of that name can then join. In the end every
# member has a node, and it is marked as this stack's; only of a cluster that is new may an agent's be missing.
node_kubectl() { k3s kubectl --kubeconfig /etc/rancher/k3s/k3s.yaml "$@"; }

wait_for_api() {
  local deadline=$((SECONDS + 60)) answer
  until answer=$(answer_of node_kubectl get --raw /readyz --request-timeout 5s) && [[ $answer == ok ]]; do
    ((SECONDS < deadline)) || die "$host_name: the API of this server does not answer, so no node can be removed: $answer"
    sleep 1
  done
}

leaving_nodes() {
  node_kubectl get nodes --request-timeout 20s --output 'jsonpath={range .items[*]}{.metadata.name} {.metadata.annotations.k3s-ha\.io/stack}{"\n"}{end}' |
    awk -v owner="$node_owner" -v members=" ${members[*]} " '$2 == owner && !index(members, " " $1 " ") { print $1 }'
}

# No answer tells nothing, so it is asked again.
is_ready() {
  local answer deadline=$((SECONDS + 30))
  until answer=$(node_kubectl get node "$1" --request-timeout 10s --output 'jsonpath={.status.conditions[?(@.type=="Ready")].status}'); do
    ((SECONDS < deadline)) || return 1
    sleep 1
  done
  [[ $answer == True ]]
}

# What the kubelet of a node renews every ten seconds.
lease_of() { node_kubectl --namespace kube-node-lease get lease "$1" --request-timeout 10s --ignore-not-found --output 'jsonpath={.spec.renewTime}'; }

# A port that is closed is an answer too.
answers_at() {
  local answer
  answer=$(timeout 3 bash -c "exec 3<>/dev/tcp/$1/$2" 2>&1) || [[ $answer == *refused* ]]
}

# is_silent NODE: nothing on its host answers, and its kubelet does not tell that it lives.
is_silent() {
  local address lease now deadline
  address=$(node_kubectl get node "$1" --request-timeout 10s --output 'jsonpath={.status.addresses[?(@.type=="InternalIP")].address}')
  address=${address%% *}
  [[ -n $address ]] || return 1
  if ping -c 1 -W 2 "$address" >/dev/null 2>&1 || answers_at "$address" 22 || answers_at "$address" 10250; then return 1; fi
  lease=$(lease_of "$1") || return 1
  deadline=$((SECONDS + 15))
  while ((SECONDS < deadline)); do
    # Without an answer of the API, the host counts as silent.
    if now=$(lease_of "$1") && [[ $now != "$lease" ]]; then return 1; fi
    sleep 1
  done
}

# Else the run would end at the uninstall, with an address and no word of what to do.
refuse_silent_hosts() {
  local node
  for node in "$@"; do
    [[ " ${lost[*]} " != *" $node "* ]] || continue
    if is_silent "$node"; then
      die "$host_name: $node is no longer in the configuration, but its host does not answer, so K3s cannot be uninstalled there. Nothing was uninstalled. If it is only switched off, switch it on and run up again. If it is lost permanently, restore its entry with \"lost: true\" and run up; then remove the entry (docs/day-two.md)."
    fi
  done
}

# Where no kubelet answers there is nothing to wait for: the pods are deleted with the node.
drain_node() {
  is_ready "$1" || return 0
  node_kubectl drain "$1" --ignore-daemonsets --delete-emptydir-data --force --timeout "${drain_seconds}s" >&2 ||
    printf '%s: %s still has pods after %s s; they end with it\n' "$host_name" "$1" "$drain_seconds" >&2
}

# is_gone TYPE NAME: the API says that there is none; no answer is none.
is_gone() {
  local answer
  answer=$(node_kubectl --namespace kube-system get "$1" "$2" --ignore-not-found --request-timeout 10s --output name) && [[ -z $answer ]]
}

# kubectl is not to wait for the end of what it deletes: it was seen to miss it, and to wait on.
delete_now() { node_kubectl --namespace kube-system delete "$1" "$2" --ignore-not-found --wait=false --request-timeout 20s >&2; }

delete_node() {
  local password=$1.node-password.k3s deadline=$((SECONDS + 60))
  delete_now node "$1" || die "$host_name: the node $1 could not be deleted, see the answer above; run up again"
  until is_gone node "$1"; do
    ((SECONDS < deadline)) || die "$host_name: the node $1 still exists a minute after it was deleted; see its finalizers in: kubectl get node $1 --output yaml"
    sleep 0.5
  done
  # K3s deletes the password with the node, a moment later.
  deadline=$((SECONDS + 15))
  until is_gone secret "$password"; do
    ((SECONDS < deadline)) || delete_now secret "$password" ||
      die "$host_name: the password of the deleted node $1 could not be deleted, see the answer above; run up again"
    ((SECONDS < deadline + 60)) || die "$host_name: the password of the deleted node $1 still exists; run up again"
    sleep 0.5
  done
}

# The cluster in which this host has seen its members; removed with K3s.
record=/var/lib/rancher/k3s/server/k3s-ha-members

cluster_uid() { node_kubectl get namespace kube-system --request-timeout 20s --output 'jsonpath={.metadata.uid}'; }

# Members without a node: a user deleted it, or an interrupted run that was to remove the host did.
missing_members() {
  local present member
  present=$(node_kubectl get nodes --request-timeout 20s --output 'jsonpath={range .items[*]} {.metadata.name} {end}') || return
  for member in "${members[@]}"; do
    [[ $present == *" $member "* ]] || printf '%s ' "$member"
  done
}

apply() {
  local missing nodes node member cluster is_new_cluster=true present=() drains=()
  lock_host
  wait_for_api
  nodes=$(leaving_nodes)
  # shellcheck disable=SC2086
  refuse_silent_hosts $nodes
  # All of them first, so that no pod moves from one removed node to another.
  for node in $nodes; do node_kubectl cordon "$node" --request-timeout 10s >&2; done
  for node in $nodes; do
    drain_node "$node" &
    drains+=("$!")
  done
  for node in "${drains[@]}"; do wait "$node"; done
  for node in $nodes; do delete_node "$node"; done
  missing=$(missing_members) || die "$host_name: the API of this server does not list its nodes; run up again"
  cluster=$(cluster_uid) || die "$host_name: the API of this server does not identify its cluster; run up again"
  if [[ -e $record && $(<"$record") == "$cluster" ]]; then is_new_cluster=false; fi
  # An empty cluster in the place of one that was lost has no nodes of agents that ran on: a restore brings them, and
  # "make status" reports them until then.
  [[ -z $missing || $is_new_cluster == true ]] || die "$host_name: these hosts have no node: ${missing% }. K3s creates it when it starts: on each of these hosts run \"systemctl restart k3s\" (on an agent \"systemctl restart k3s-agent\"), then run up again."
  for member in "${members[@]}"; do
    [[ " $missing" == *" $member "* ]] || present+=("$member")
  done
  node_kubectl annotate node "${present[@]}" "k3s-ha.io/stack=$node_owner" --overwrite --request-timeout 20s >/dev/null
  prove_members
  prove_system_pods
  write_file "$record" <<<"$cluster"
}

remove() { :; }
