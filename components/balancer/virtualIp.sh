# shellcheck shell=bash
# Lets keepalived share the virtual address with the other load balancers, and verifies that exactly one of them holds it.
keepalived_config=/etc/keepalived/keepalived.conf

# A load balancer that failed is rolled back to the files that it was last verified with; without such files it must not hold the address.
fail() {
  local outcome=""
  journal_tail keepalived
  if put_back keepalived; then
    systemctl daemon-reload
    systemctl restart keepalived && outcome="; it runs with its previous configuration again"
  else
    systemctl disable --quiet --now keepalived
  fi
  die "$host_name: $*$outcome"
}

# The interface that the host's own address is on, unless the configuration names one.
find_interface() {
  if [[ -n $interface ]]; then
    [[ -e /sys/class/net/$interface ]] ||
      die "$host_name: there is no network interface $interface. Correct k3s-ha:loadBalancer.virtualIp.interface, or remove it."
  else
    interface=$(ip -oneline address show to "$own_address" | awk '{ print $2; exit }')
    [[ -n $interface ]] ||
      die "$host_name: no network interface has the configured address $own_address. Correct its nodeAddress."
  fi
  # Where a command moves the address, no neighbour has to ask for it.
  if [[ -n $notify_program ]]; then return 0; fi
  # A neighbour asks for an address only in its own network.
  ip "-$family" route show match "$virtual_address" dev "$interface" | grep -qv ' via ' ||
    die "$host_name: $virtual_address is in none of the networks of $interface. Set k3s-ha:loadBalancer.virtualIp.address to a free address of the network of $own_address."
}

# keepalived would skip a command that it may not run as root, and take the address anyway.
check_notify_program() {
  [[ -n $notify_program ]] || return 0
  [[ -f $notify_program && -x $notify_program ]] ||
    die "$host_name: there is no program $notify_program, which k3s-ha:loadBalancer.virtualIp.notify names. Install it on every load balancer, and run up again."
  [[ -z $(find -L "$notify_program" \( ! -user root -o -perm /022 \)) ]] ||
    die "$host_name: others than root can change $notify_program, so keepalived does not run it. Run \"chown root:root $notify_program\" and \"chmod 0755 $notify_program\" there, and run up again."
}

holds_address() { [[ -n $(ip -oneline address show to "$virtual_address") ]]; }

# Whether another host offers the API at the address; to be asked while this one does not hold it.
is_offered_elsewhere() { ! holds_address && timeout 1 bash -c "exec 3<>/dev/tcp/$virtual_address/$port" 2>/dev/null; }

# is_so_within SECONDS CONDITION
is_so_within() {
  local deadline=$((SECONDS + $1))
  until "$2"; do
    ((SECONDS < deadline)) || return 1
    sleep 0.2
  done
}

is_held() { holds_address || is_offered_elsewhere; }

start_keepalived() {
  local was_elsewhere=false
  systemctl stop keepalived
  # The others take it over within half a second, if there are any.
  if is_so_within 2 is_offered_elsewhere; then was_elsewhere=true; fi
  put_file "$keepalived_config" 0644 root:root <<<"$1"
  systemctl enable --quiet keepalived
  systemctl start keepalived || fail "keepalived does not start; its journal above says why"
  # A new holder takes over within two seconds: the first check, three advertisements that did not come.
  if $was_elsewhere && is_so_within 4 holds_address; then
    fail "this host took $virtual_address although another one held it: it does not hear VRRP (IP protocol 112) from ${peer_addresses[*]}. Let that protocol through between the load balancers"
  fi
}

apply() {
  local text answer now seconds=15
  lock_host
  set_aside keepalived "$keepalived_config"
  find_interface
  check_notify_program
  put_files
  systemctl daemon-reload
  text="\$INTERFACE=$interface"$'\n'$(<"$config_directory/keepalived.conf")
  answer=$(keepalived --config-test --use-file /dev/stdin <<<"$text" 2>&1) || {
    printf '%s\n' "$answer" >&2
    die "$host_name: keepalived refuses the new configuration; the reason is above. The old one stays in service"
  }
  load_firewall k3s-ha-vrrp-firewall
  now="$interface $(fingerprint "$config_directory/keepalived.conf" "$check_path" "$drop_in_path")"
  if ! runs_with keepalived "$now"; then start_keepalived "$text"; fi
  # A cloud may take longer to move an address than a neighbour to hear of it.
  if [[ -n $notify_program ]]; then seconds=60; fi
  is_so_within "$seconds" is_held ||
    fail "no load balancer holds $virtual_address after $seconds s; keepalived's journal above says why"
  keep keepalived "$keepalived_config" "$check_path" "$drop_in_path"
  proved keepalived "$now"
  print_revision keepalived
}

remove() {
  lock_host
  if ! is_foreign "$keepalived_config" && systemctl cat keepalived >/dev/null 2>&1; then systemctl disable --quiet --now keepalived; fi
  remove_firewall k3s-ha-vrrp-firewall
  remove_ours "$keepalived_config"
  rm -rf "$config_directory" "$check_path" "$drop_in_path" \
    "$state_directory/keepalived.proved" "$state_directory/keepalived.kept" "$state_directory/keepalived.refused" "$state_directory/keepalived.revision"
  systemctl daemon-reload
  give_back keepalived "$keepalived_config"
}
