# shellcheck shell=bash
# The check that a cluster works beyond its nodes being Ready: the API of this server reaches every kubelet, pods' traffic
# reaches every node, and the pods of K3s's own run.

# The members that were verified before, on this host; removed with K3s. Members of a cluster that is older than the file count as verified.
proved_members=/var/lib/rancher/k3s/server/k3s-ha-proved-members

is_proved_member() { [[ " $proved_before " == *" $1 "* ]]; }

# peer_fault LINK ADDRESS NODE: a line if pods' traffic does not reach the node.
peer_fault() {
  local answer
  answer=$(pod_traffic "$1" "$2")
  [[ $answer == ok ]] || printf '%s\t%s\t%s\t%s\n' "$answer" "$3" "$2" "$1"
}

# member_faults: a line "kind<TAB>node<TAB>…" for each member that is Ready and is not reached from here.
member_faults() {
  local name ready networks network link peer nodes count=0 ready_members=()
  local -A node_of=()
  nodes=$(answer_of node_kubectl get nodes --request-timeout 20s --output \
    'jsonpath={range .items[*]}{.metadata.name} {.status.conditions[?(@.type=="Ready")].status} {.spec.podCIDRs[*]}{"\n"}{end}') || return 0
  while read -r name ready networks; do
    [[ $ready == True && " ${members[*]} " == *" $name "* ]] || continue
    ready_members+=("$name")
    for network in $networks; do node_of[${network%/*}]=$name; done
  done <<<"$nodes"
  tell_kubelets 5 ${ready_members[@]+"${ready_members[@]}"}
  for link in $(pod_links); do
    for peer in $(pod_peers "$link"); do
      [[ -n ${node_of[$peer]:-} ]] || continue
      peer_fault "$link" "$peer" "${node_of[$peer]}" &
      ((++count % 32)) || wait
    done
  done
  wait
}

# fault_sentences: of the lines of `member_faults`, one each.
fault_sentences() {
  local kind node detail link
  while IFS=$'\t' read -r kind node detail link; do
    case $kind in
      kubelet) printf 'The API of %s does not reach the kubelet of %s (%s), so kubectl logs and exec fail for pods there. Open port 6443/tcp of %s to %s, and port 10250/tcp of %s to %s.\n' "$host_name" "$node" "$detail" "$host_name" "$node" "$node" "$host_name" ;;
      silent) printf 'Pods on %s do not reach pods on %s: %s does not answer through %s. Open port %s/udp between the two hosts, in both directions, on the hosts and in the network between them.\n' "$host_name" "$node" "$detail" "$link" "$(link_port "$link")" ;;
      small) printf 'Large packets of pods on %s do not reach pods on %s: %s answers through %s, but not to packets of %s bytes. The network between the two hosts carries less than their network interfaces say. Lower the MTU of the network interface with the node address on all nodes, then restart K3s on one node after the other.\n' "$host_name" "$node" "$detail" "$link" "$(link_mtu "$link")" ;;
    esac
  done
}

# of_new_members: of the lines of `member_faults`, those about members that were not verified before.
of_new_members() {
  local kind node rest
  while IFS=$'\t' read -r kind node rest; do
    is_proved_member "$node" || printf '%s\t%s\t%s\n' "$kind" "$node" "$rest"
  done
}

# What lacks its image, or its network, for which the API has the state or a warning.
without_image='ErrImage|ImagePull|ImageInspect|InvalidImage|RegistryUnavailable|FailedCreatePodSandBox'

# stuck_pods: a sentence for each system pod that has a node and does not run, with the first warning about it.
stuck_pods() {
  local row name state node facts
  facts=$(tell_system_pods 10)
  while IFS= read -r row; do
    IFS=$'\t' read -r name state node < <(awk -F '","' -v OFS='\t' '{ sub(/^\["/, "", $1); print $1, $3, $7 }' <<<"$row")
    [[ -n $node && $node != *none* && $state != Terminating ]] || continue
    printf 'The system pod %s does not run on %s (%s%s).\n' "$name" "$node" "$state" "$(sed -n 's/^event\t//p' <<<"$facts" |
      grep -F "\"pod/$name\"" | awk -F '","' 'NR == 1 { gsub(/\\"/, "\"", $7); print ", " $3 ": " substr($7, 1, 300) }')"
  done < <(sed -n 's/^pod\t//p' <<<"$facts")
}

# prove_members: ends the run about new members that are not reached, and warns of those that were verified before.
prove_members() {
  local faults new deadline=$((SECONDS + 90))
  proved_before=$(cat "$proved_members" 2>/dev/null) || {
    proved_before=""
    if [[ $is_new_cluster == false ]]; then proved_before="${members[*]}"; fi
  }
  # The routes and tunnels to a new node take a moment, and a node that is down is not Ready after 40 seconds.
  while :; do
    faults=$(member_faults)
    new=$(of_new_members <<<"$faults")
    [[ -n ${new//[$'\n\t']/} ]] || break
    ((SECONDS < deadline)) ||
      die "$host_name: all nodes are Ready, but they do not reach each other. $(fault_sentences <<<"$new" | head -n 10) Then run up again."
    sleep 2
  done
  fault_sentences <<<"$faults" | sed 's/^/warning: /' >&2
  write_file "$proved_members" <<<"${members[*]}"
}

# prove_system_pods: of a new cluster, that pods can run at all. Images may be on their way for longer than a run waits, and a
# network plugin of the owner's may come later.
prove_system_pods() {
  local stuck deadline=$((SECONDS + 180))
  [[ $is_new_cluster == true && $awaits_pods == true ]] || return 0
  while stuck=$(stuck_pods) && [[ -n $stuck ]] && ((SECONDS < deadline)); do sleep 2; done
  [[ -n $stuck ]] || return 0
  if grep -qE "$without_image" <<<"$stuck"; then
    die "$host_name: all nodes are Ready, but pods do not run on them. $(grep -E "$without_image" <<<"$stuck" | head -n 5) Check that the nodes reach the registry, or set k3s-ha:k3s.registries or k3s-ha:k3s.images; then run up again."
  fi
  awk '{ print "warning: " $0 }' <<<"$stuck" >&2
}
