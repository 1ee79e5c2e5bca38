# shellcheck shell=bash
# Verifies that clients reach the API through a load balancer that this program does not run. Changes nothing.

tls=/var/lib/rancher/k3s/server/tls

# ask_through: the HTTP status of the API's readiness; the reason is in curl_says.
ask_through() {
  local outcome=0
  # Never through a proxy that the host has.
  curl_says=$(curl --noproxy '*' --silent --show-error --output /dev/null --write-out '%{http_code}' --connect-timeout 5 --max-time 10 \
    --cacert $tls/server-ca.crt --cert $tls/client-admin.crt --key $tls/client-admin.key "https://$endpoint/readyz" 2>&1) || outcome=$?
  return "$outcome"
}

# own_health: what this server answers the load balancer's health check.
own_health() {
  curl --noproxy '*' --silent --output /dev/null --write-out '%{http_code}' --max-time 10 "http://$own_address:$health_port/" 2>/dev/null || printf nothing
}

# explain STATUS OF CURL: the likely cause of the last failure.
explain() {
  case $1 in
    6) printf '%s' "Its name does not resolve here. Correct the name server of the hosts, or set its IP address." ;;
    7 | 28)
      printf '%s' "Check that the servers reach it, that its targets are the servers' node addresses with port $api_port, and that its health check is HTTP on port $health_port, at which this server answers $(own_health). A load balancer that cannot send a server back to itself needs a second server."
      ;;
    35 | 52 | 56)
      printf '%s' "It ends the connection. Check that it passes TCP through without the PROXY protocol, and that its health check is HTTP on port $health_port, at which this server answers $(own_health)."
      ;;
    51 | 60) printf '%s' "It shows another certificate than the servers. Have it pass TCP through instead of ending TLS." ;;
    0)
      case $curl_says in
        *" 401" | *" 403") printf '%s' "It does not pass client certificates on. Have it pass TCP through instead of ending TLS." ;;
        *) printf '%s' "Check that its targets are the servers of this cluster, and their state with \"make status\"." ;;
      esac
      ;;
    *) printf '%s' "Check its configuration." ;;
  esac
}

apply() {
  local deadline=$((SECONDS + seconds)) outcome
  while :; do
    outcome=0
    ask_through || outcome=$?
    if ((outcome == 0)) && [[ $curl_says == 200 ]]; then return 0; fi
    ((SECONDS < deadline)) || break
    sleep 1
  done
  if ((outcome == 0)); then curl_says="HTTP status $curl_says"; else curl_says=${curl_says%%$'\n'*}; fi
  die "$host_name: the API is not reached through the load balancer at $endpoint after $seconds s ($curl_says). $(explain "$outcome") Then run up again"
}

remove() { :; }
