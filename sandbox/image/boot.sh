#!/bin/bash
# First thing on every boot of a host: its address, and what its services need to change without changing the machine.
# In:  ADDRESS, GATEWAY
set -euo pipefail

ip link set lo up
ip address replace "$ADDRESS/24" dev host0
ip link set host0 up
ip route replace default via "$GATEWAY"

# Services manage the host's own control groups.
for group in /sys/fs/cgroup/*/; do
  if mountpoint --quiet "$group"; then mount -o remount,bind,rw "$group"; fi
done

# The kubelet sets these and fails if it cannot. They belong to the whole machine, so it gets a copy of its own.
for setting in vm/overcommit_memory vm/panic_on_oom kernel/panic kernel/panic_on_oops \
  kernel/keys/root_maxkeys kernel/keys/root_maxbytes; do
  copy=/run/sandbox-host/$setting
  mkdir -p "$(dirname "$copy")"
  cat "/proc/sys/$setting" > "$copy"
  mount --bind "$copy" "/proc/sys/$setting"
done
