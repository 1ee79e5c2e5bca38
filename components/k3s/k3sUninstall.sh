# shellcheck shell=bash
# Takes K3s off a host, however much of it is there, so that the host can join again.

stop_containers() {
  local pids deadline=$((SECONDS + 30))
  # The containers live on in the unit's cgroup when K3s stops; their shims are told by where they run from. Some end by
  # themselves in the meantime.
  while pids=$(pgrep --full '^/var/lib/rancher/k3s/data/[^/]+/bin/containerd-shim'); do
    ((SECONDS < deadline)) || die "$host_name: containers of K3s do not end, even after SIGKILL: $(tr '\n' ' ' <<<"$pids")"
    # shellcheck disable=SC2046,SC2086
    kill -KILL $(shim_tree $pids) 2>/dev/null || sleep 0.2
  done
}

shim_tree() {
  local pid
  for pid in "$@"; do
    printf '%s ' "$pid"
    # shellcheck disable=SC2046
    shim_tree $(pgrep --parent "$pid")
  done
}

mounts_path=/proc/self/mounts

# is_own_disk PATH: whether the host's owner mounts it, by fstab or a unit. What K3s and its containers mount has neither.
is_own_disk() { [[ -n $(systemctl show --property FragmentPath --value "$(systemd-escape --path --suffix=mount "$1")" 2>/dev/null) ]]; }

unmount_below() {
  local path
  while read -r path; do
    if is_own_disk "$path"; then continue; fi
    # A container that ended meanwhile may have removed it.
    umount --lazy "$path" 2>/dev/null || ! mountpoint --quiet "$path" || die "$host_name: $path could not be unmounted"
  done < <(awk -v below="$1" 'index($2, below) == 1 { print $2 }' "$mounts_path" | sort --reverse)
}

# has_mount_below PATH...
has_mount_below() {
  local path
  for path in "$@"; do
    if [[ -n $(awk -v path="$path" '$2 == path || index($2, path "/") == 1' "$mounts_path") ]]; then return 0; fi
  done
  return 1
}

# remove_trees PATH...: everything in them, except on separate disks, which stay mounted as their owner mounts them.
remove_trees() {
  local fault
  fault=$(rm -rf --one-file-system "$@" 2>&1) || has_mount_below "$@" || die "$host_name: ${fault##*$'\n'}"
}

remove_network() {
  local link tool
  for link in cni0 flannel.1 flannel-v6.1 kube-ipvs0; do
    if ip link show "$link" >/dev/null 2>&1; then ip link delete "$link"; fi
  done
  for tool in iptables ip6tables; do
    command -v "$tool-save" >/dev/null || continue
    # sed and not grep: there may be no line left, or none at all.
    "$tool-save" | sed -E '/KUBE-|CNI-|flannel/d' | "$tool-restore"
  done
  # Other engines may keep networks there as well.
  rm -rf /var/lib/cni/networks/cbr0 /var/lib/cni/results/cbr0-* /var/lib/cni/flannel
  if [[ -d /var/lib/cni ]]; then find /var/lib/cni -depth -type d -empty -delete; fi
}

# Links of others, to other programs, stay.
remove_programs() {
  local name program=/usr/local/bin/k3s
  if is_there "$program" && ! is_ours "$program"; then return 0; fi
  rm -f "$program"
  for name in kubectl crictl ctr; do
    if [[ -L /usr/local/bin/$name && $(readlink "/usr/local/bin/$name") == k3s ]]; then rm -f "/usr/local/bin/$name"; fi
  done
}

uninstall_k3s() {
  local path name below=()
  for name in "$balancer_state_socket" "$server_health_socket"; do
    if systemctl cat "$name" >/dev/null 2>&1; then systemctl disable --quiet --now "$name"; fi
    rm -f /etc/systemd/system/"$name" /etc/systemd/system/"${name%.socket}@.service"
  done
  rm -f "$balancer_state_program" "$server_health_program"
  if systemctl cat "$unit" >/dev/null 2>&1; then systemctl disable --quiet --now "$unit"; fi
  rm -f "$stop_program" "$stop_drop_in"
  remove_node_files
  # Drop-ins of others stay.
  for path in "${stop_drop_in%/*}" "$unit_path.d"; do
    if [[ -d $path ]]; then rmdir --ignore-fail-on-non-empty "$path"; fi
  done
  stop_containers
  for path in /run/k3s/ /var/lib/rancher/ /var/lib/kubelet/pods/ /var/lib/kubelet/plugins/ /run/netns/cni-; do unmount_below "$path"; done
  remove_network
  remove_ours "$config_path"
  remove_ours "$pod_network_path"
  remove_trees /run/k3s /run/flannel /var/lib/rancher/k3s/agent /var/lib/rancher/k3s/data /var/lib/rancher/k3s/server
  rm -rf "$unit_path" /etc/rancher/node \
    "$state_directory/$unit.proved" "$state_directory/$unit.kept" "$state_directory/$unit.refused" "$state_directory/$unit.cordoned" "$state_directory/$unit.revision"
  if [[ -d /var/lib/kubelet ]]; then
    mapfile -d '' -t below < <(find /var/lib/kubelet -mindepth 1 -maxdepth 1 -print0)
    remove_trees ${below[@]+"${below[@]}"}
  fi
  remove_programs
  systemctl daemon-reload
}
