#!/bin/bash
# Answers the health check of a load balancer that this program does not run, over HTTP: 200 while this server takes new clients,
# 503 while it leaves the load balancers, which it does before K3s is stopped, and while its API is not ready.
set -u
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C
lock=/run/k3s-ha/leaving.lock
tls=/var/lib/rancher/k3s/server/tls

# A connection that is closed with something unread is reset, and the answer may be lost.
read_request() {
  local line count=0
  while ((count++ < 100)) && IFS= read -r -t 2 -n 4096 line && [[ -n ${line%$'\r'} ]]; do :; done
}

# The lock is held for as long as K3s is about to restart; the lock of a process that was killed is free.
is_leaving() { [[ -e $lock ]] && ! flock --shared --nonblock "$lock" true; }

# A server that does not reach its datastore says so after four seconds.
is_ready() {
  curl --noproxy '*' --silent --fail --output /dev/null --connect-timeout 1 --max-time 6 \
    --cacert $tls/server-ca.crt --cert $tls/client-admin.crt --key $tls/client-admin.key https://127.0.0.1:6443/readyz
}

answer() { printf 'HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s\n' "$1" $((${#2} + 1)) "$2"; }

read_request
if is_leaving; then
  answer '503 Service Unavailable' leaving
elif is_ready; then
  answer '200 OK' ready
else
  answer '503 Service Unavailable' 'not ready'
fi
