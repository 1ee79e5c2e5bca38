# shellcheck shell=bash
# The members of an etcd, as they tell themselves: who they are, who is healthy, and who comes and goes.
export ETCDCTL_API=3

# ask_etcd URL COMMAND...: over verified TLS, with this member's own certificate.
ask_etcd() {
  timeout 20 etcdctl --cacert "$tls_directory/ca.crt" --cert "$tls_directory/member.crt" --key "$tls_directory/member.key" \
    --dial-timeout 3s --command-timeout "${etcd_timeout:-5s}" --endpoints "$1" "${@:2}"
}

# is_healthy URL: whether this member answers a read that a majority agrees to.
is_healthy() { ask_etcd "$1" endpoint health >/dev/null 2>&1; }

# becomes_healthy URL SECONDS
becomes_healthy() {
  local deadline=$((SECONDS + $2))
  until is_healthy "$1"; do
    ((SECONDS < deadline)) || return 1
    sleep 0.5
  done
}

# find_contact: the URL of a member that answers for a majority, in contact: this one at last. Fails when there is none.
find_contact() {
  local url
  for url in "${other_urls[@]}" "$own_url"; do
    if is_healthy "$url"; then
      contact=$url
      return 0
    fi
  done
  contact=""
  return 1
}

# list_members: "ID STATUS NAME PEER CLIENT LEARNER" of each; a member that never started has "-" for its name and its client.
list_members() {
  ask_etcd "$contact" member list --write-out simple | awk -F ', ' '{ print $1, $2, ($3 == "" ? "-" : $3), $4, ($5 == "" ? "-" : $5), $6 }'
}

# change_members COMMAND...: etcd takes no change before all of its members have been connected for five seconds. Of a change that is
# refused, the answer is etcd's.
change_members() {
  local deadline=$((SECONDS + 60)) answer
  until answer=$(answer_of ask_etcd "$contact" member "$@"); do
    if [[ $answer != *unhealthy* ]] || ((SECONDS >= deadline)); then
      printf '%s' "$answer"
      return 1
    fi
    sleep 1
  done
}

# remove_member ID NAME
remove_member() {
  local answer
  answer=$(change_members remove "$1") || die "$host_name: etcd does not remove its member $2: $answer. Nothing was stopped. Run up again once all of its other members are healthy"
  printf '%s\n' "$host_name: $2 is no member of etcd any more" >&2
}

# Members whose hosts are declared lost; before any member joins, so that the majority is that of the living.
remove_lost() {
  local id status name rest
  ((${#lost_members[@]})) || return 0
  find_contact || return 0
  while read -r id status name rest; do
    if [[ " ${lost_members[*]} " == *" $name "* ]]; then remove_member "$id" "$name"; fi
  done < <(list_members)
}

# require_others ACTION: every other voter is healthy. While one of them is away, each further one may be the majority's last.
require_others() {
  local id status name peer url learner
  while read -r id status name peer url learner; do
    [[ $peer != "$peer_url" && $learner == false ]] || continue
    becomes_healthy "$url" 30 ||
      die "$host_name: etcd's member $name at $url is not healthy, and without $host_name as well etcd could lose its majority. $1. Repair that member first (on its host: journalctl --unit k3s-ha-etcd), or declare its host lost; then run up again"
  done < <(list_members)
}
