# shellcheck shell=bash
# Reads, changes nothing: how this host's member of etcd is doing, and what it knows of the others.
etcd_setting() { sed -n "s/^ETCD_$1=//p" "$etcd_directory/etcd.env" 2>/dev/null; }

tell_etcd() {
  unit "$etcd_unit"
  certificate datastore member "$etcd_directory/member.crt"
  certificate datastore ca "$etcd_directory/ca.crt"
  tell_member "$(etcd_setting ADVERTISE_CLIENT_URLS)" "$(etcd_setting QUOTA_BACKEND_BYTES)" \
    "$etcd_directory/ca.crt" "$etcd_directory/member.crt" "$etcd_directory/member.key"
}

# tell_member URL QUOTA CA CERTIFICATE KEY
tell_member() {
  local answer alarm asking
  export ETCDCTL_API=3
  asking=(timeout 4 etcdctl --cacert "$3" --cert "$4" --key "$5" --dial-timeout 2s --command-timeout 3s --endpoints "$1")
  # Lines: "Name" : value. It answers of itself, also without a majority.
  answer=$("${asking[@]}" endpoint status --write-out fields 2>/dev/null) || return 0
  tell etcd quota "$2"
  sed -nE 's/^"([A-Za-z]+)" : "?([^"]*)"?$/etcd\t\1\t\2/p' <<<"$answer"
  # A read that a majority agreed to.
  if "${asking[@]}" endpoint health >/dev/null 2>&1; then tell etcd healthy yes; else tell etcd healthy no; fi
  if answer=$("${asking[@]}" member list --write-out simple 2>/dev/null); then
    # ID, status, name, peer, client, learner
    awk -F ', ' -v OFS='\t' '{ print "etcd-member", $3, $2, $6 }' <<<"$answer"
  fi
  # "memberID:1234 alarm:NOSPACE"
  while read -r alarm; do tell etcd-alarm "$alarm"; done < <("${asking[@]}" alarm list 2>/dev/null | sed -nE 's/.*alarm:([A-Z]+).*/\1/p' | sort -u)
}
