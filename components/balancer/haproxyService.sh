# shellcheck shell=bash
# Checks the configuration, makes HAProxy serve it, and verifies that it does and that a server is behind it.
config_path=/etc/haproxy/haproxy.cfg

ask_haproxy() { socat -t 2 - "UNIX-CONNECT:$socket" <<<"$1" 2>&1; }

check_limits() {
  local limit needed=$((2 * max_connections + 200))
  limit=$(systemctl show --property LimitNOFILE --value haproxy)
  [[ $limit == infinity ]] || ((limit >= needed)) ||
    die "$host_name: $max_connections connections need $needed file descriptors, but HAProxy's limit here is $limit. Lower k3s-ha:loadBalancer.maxConnections, or raise LimitNOFILE of haproxy.service."
}

# The new text is checked beside the old, which stays in place until it has passed.
check_config() {
  local answer
  answer=$(haproxy -c -f "$staged_path" 2>&1) || {
    printf '%s\n' "$answer" >&2
    die "$host_name: HAProxy refuses the new configuration; the reason is above. The old one stays in service"
  }
}

served_revision() { ask_haproxy "show info" | sed -nE 's/^[Dd]escription: *k3s-ha ([0-9a-f]+)$/\1/p'; }

reload_haproxy() { if systemctl is-active --quiet haproxy; then systemctl reload haproxy; else systemctl restart haproxy; fi; }

# A load balancer that failed is rolled back to the files that it was last verified with, if any.
fail() {
  local outcome=""
  journal_tail haproxy
  if put_back haproxy && reload_haproxy; then outcome="; it serves its previous configuration again"; fi
  die "$host_name: $*$outcome"
}

# A reload can be reported as done while the old process continues: only the running process knows what it serves.
wait_until_served() {
  local deadline=$((SECONDS + 20))
  until [[ $(served_revision) == "$revision" ]]; do
    ((SECONDS < deadline)) || fail "HAProxy still serves its old configuration; its journal above says why"
    sleep 0.2
  done
}

wait_until_up() {
  local deadline=$((SECONDS + 60)) states
  until states=$(ask_haproxy "show stat" | awk -F , '$1 == "servers" && $2 != "BACKEND" { print $2 ": " $18 " (" $37 " " $38 " " $57 ")" }') && [[ $states == *": UP"* ]]; do
    ((SECONDS < deadline)) || fail "HAProxy sees no server ready: ${states//$'\n'/, }. Check that this host reaches the servers' port."
    sleep 0.2
  done
}

apply() {
  local now staged_path
  lock_host
  take_again haproxy
  check_limits
  put_files
  systemctl daemon-reload
  staged_path=$config_directory/haproxy.cfg
  check_config
  now=$(fingerprint "$staged_path" "$config_directory/health.pem" "$config_directory/server-ca.crt")
  set_aside haproxy "$config_path"
  systemctl enable --quiet haproxy
  if ! runs_with haproxy "$now" || [[ $(served_revision) != "$revision" ]]; then
    put_file "$config_path" 0644 root:root <"$staged_path"
    reload_haproxy || fail "HAProxy does not start; its journal above says why"
    wait_until_served
  fi
  wait_until_up
  keep haproxy "$config_path" "$config_directory/health.pem" "$config_directory/server-ca.crt"
  proved haproxy "$now"
  print_revision haproxy
}

remove() {
  lock_host
  # What serves another configuration, not yet replaced or put back already, is not this program's.
  if ! is_foreign "$config_path" && systemctl cat haproxy >/dev/null 2>&1; then systemctl disable --quiet --now haproxy; fi
  remove_ours "$config_path"
  rm -rf "$config_directory" "$drop_in_path" "$state_directory/haproxy.proved" "$state_directory/haproxy.kept" "$state_directory/haproxy.refused" "$state_directory/haproxy.revision"
  systemctl daemon-reload
  give_back haproxy "$config_path"
}
