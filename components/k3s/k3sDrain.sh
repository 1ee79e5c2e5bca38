# shellcheck shell=bash
# Takes the pods off the node that this host is, with the kubelet's own rights: it may cordon its node and evict its
# pods, and nothing else.
cordoned_record=$state_directory/$unit.cordoned

# By the load balancer, because the agent's own way to the API is down while it restarts.
node_kubectl() { k3s kubectl --kubeconfig "$kubeconfig" --server "$api_endpoint" --request-timeout 5s "$@"; }

# "namespace name" of each pod that has to go: not those of DaemonSets, which come back, and not the kubelet's own. One
# whose containers have ended is on its way, but only the kubelet can take it off the API, so it is waited for as well.
pods_to_evict() {
  node_kubectl get pods --all-namespaces --field-selector "spec.nodeName=$node_name" --output \
    'jsonpath={range .items[*]}{.metadata.namespace}|{.metadata.name}|{.status.phase}|{.metadata.ownerReferences[0].kind}|{.metadata.annotations.kubernetes\.io/config\.mirror}|{.metadata.deletionTimestamp}{"\n"}{end}' |
    awk -F '|' '($6 != "" || $3 != "Succeeded" && $3 != "Failed") && $4 != "DaemonSet" && $5 == "" { print $1, $2 }'
}

# A disruption budget refuses an eviction for the time being, so each is asked for again until the pod has gone.
evict_pods() {
  local deadline=$((SECONDS + drain_seconds)) pods namespace name
  # No answer is not an empty node.
  until pods=$(pods_to_evict) && [[ -z $pods ]]; do
    ((SECONDS < deadline)) || {
      pods=${pods:-unknown, since the API does not answer}
      printf '%s: after %s s these pods remain, and keep running through the restart: %s\n' "$host_name" "$drain_seconds" "${pods//$'\n'/, }" >&2
      return 0
    }
    while read -r namespace name; do
      [[ -n $name ]] || continue
      printf '{"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "%s", "namespace": "%s"}}' "$name" "$namespace" |
        node_kubectl create --raw "/api/v1/namespaces/$namespace/pods/$name/eviction" --filename - >/dev/null 2>&1 || continue
    done <<<"$pods"
    sleep 1
  done
}

# make_room: before a restart, if configured. A node that others cordoned stays cordoned.
make_room() {
  local cordoned
  if ((drain_seconds == 0)) || ! systemctl is-active --quiet "$unit"; then return 0; fi
  cordoned=$(answer_of node_kubectl get node "$node_name" --output 'jsonpath={.spec.unschedulable}') ||
    die "$host_name: cannot drain the node, because the API does not answer at $api_endpoint: $cordoned"
  if [[ $cordoned != true ]]; then
    write_file "$cordoned_record" </dev/null
    trap uncordon_node EXIT
    node_kubectl cordon "$node_name" >&2
  fi
  evict_pods
}

# Whatever became of the restart, and also for a run that was killed after it had cordoned the node.
uncordon_node() {
  local deadline=$((SECONDS + 30)) answer
  [[ -e $cordoned_record ]] || return 0
  until answer=$(node_kubectl uncordon "$node_name" 2>&1); do
    ((SECONDS < deadline)) || {
      printf '%s: the node could not be uncordoned; run: kubectl uncordon %s (%s)\n' "$host_name" "$node_name" "$(tail -n 1 <<<"$answer")" >&2
      return 0
    }
    sleep 1
  done
  rm -f "$cordoned_record"
}
