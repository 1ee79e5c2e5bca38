# shellcheck shell=bash
# Rules of nftables that a unit of their own keeps loaded.

# load_firewall UNIT: one of an earlier release loaded its rules and went: it has no process that watches over them yet.
load_firewall() {
  local action=reload-or-restart
  systemctl enable --quiet "$1"
  if [[ $(systemctl show --property MainPID --value "$1") == 0 ]]; then action=restart; fi
  systemctl "$action" "$1" || die "$host_name: the firewall rules were refused; see: journalctl --unit $1"
}

# remove_firewall UNIT
remove_firewall() {
  [[ -e $firewall_unit ]] || return 0
  systemctl disable --quiet --now "$1"
  rm -f "$firewall_unit" "$firewall_rules" "$requirement_path" "$runtime_directory/$1.put-back"
  systemctl daemon-reload
}
