# shellcheck shell=bash
# The API of this server, asked as its administrator.

# api_curl OPTION...
api_curl() {
  curl --silent --cacert "$k3s_tls/server-ca.crt" --cert "$k3s_tls/client-admin.crt" --key "$k3s_tls/client-admin.key" \
    --header 'Accept: application/json;as=Table;v=v1;g=meta.k8s.io,application/json' "$@" 2>/dev/null
}

# ask_api PATH SECONDS
ask_api() { api_curl --max-time "$2" "https://127.0.0.1:$api_port$1"; }
