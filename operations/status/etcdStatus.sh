# shellcheck shell=bash
# Reads, changes nothing: how this host's member of etcd is doing, and what it knows of the others.
ask_etcd() {
  timeout 4 etcdctl --cacert "$etcd_directory/ca.crt" --cert "$etcd_directory/member.crt" --key "$etcd_directory/member.key" \
    --dial-timeout 2s --command-timeout 3s --endpoints "$etcd_url" "$@" 2>/dev/null
}

etcd_setting() { sed -n "s/^ETCD_$1=//p" "$etcd_directory/etcd.env" 2>/dev/null; }

tell_etcd() {
  local etcd_url answer alarm
  export ETCDCTL_API=3
  unit "$etcd_unit"
  certificate datastore member "$etcd_directory/member.crt"
  certificate datastore ca "$etcd_directory/ca.crt"
  etcd_url=$(etcd_setting ADVERTISE_CLIENT_URLS)
  # Lines: "Name" : value. It answers of itself, also without a majority.
  answer=$(ask_etcd endpoint status --write-out fields) || return 0
  tell etcd quota "$(etcd_setting QUOTA_BACKEND_BYTES)"
  sed -nE 's/^"([A-Za-z]+)" : "?([^"]*)"?$/etcd\t\1\t\2/p' <<<"$answer"
  # A read that a majority agreed to.
  if ask_etcd endpoint health >/dev/null; then tell etcd healthy yes; else tell etcd healthy no; fi
  if answer=$(ask_etcd member list --write-out simple); then
    # ID, status, name, peer, client, learner
    awk -F ', ' -v OFS='\t' '{ print "etcd-member", $3, $2, $6 }' <<<"$answer"
  fi
  # "memberID:1234 alarm:NOSPACE"
  while read -r alarm; do tell etcd-alarm "$alarm"; done < <(ask_etcd alarm list | sed -nE 's/.*alarm:([A-Z]+).*/\1/p' | sort -u)
}
