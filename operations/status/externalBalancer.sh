# shellcheck shell=bash
# How a load balancer that the program does not run looks from a node, and what a server answers its health checks.

# answer_at SECONDS URL OPTION...: "ok" for HTTP status 200, else what is wrong, on one line.
answer_at() {
  local seconds=$1 url=$2 answer
  shift 2
  # Never through a proxy that the host has.
  answer=$(curl --noproxy '*' --silent --show-error --output /dev/null --write-out '%{http_code}' --max-time "$seconds" "$@" "$url" 2>&1) || {
    answer=${answer%000}
    printf '%s' "$(tr '\t\n' '  ' <<<"${answer%%$'\n'*}")"
    return
  }
  if [[ $answer == 200 ]]; then printf ok; else printf 'HTTP %s' "$answer"; fi
}

tell_external_balancer() {
  local agent=/var/lib/rancher/k3s/agent
  [[ -n $external_endpoint ]] || return 0
  if [[ $role == server ]]; then
    tell health "$(answer_at "$api_seconds" "http://127.0.0.1:$health_port/")"
    tell through "$(answer_at "$api_seconds" "https://$external_endpoint/readyz" \
      --cacert "$k3s_tls/server-ca.crt" --cert "$k3s_tls/client-admin.crt" --key "$k3s_tls/client-admin.key")"
  else
    tell through "$(answer_at "$api_seconds" "https://$external_endpoint/readyz" \
      --cacert "$agent/server-ca.crt" --cert "$agent/client-kubelet.crt" --key "$agent/client-kubelet.key")"
  fi
}
