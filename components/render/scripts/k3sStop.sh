#!/bin/bash
# k3sStop.sh SECONDS: how systemd stops K3s where other servers can take its clients. Balancers learn first that this one
# wants no new ones, and have SECONDS for it: a client that comes in the moment that K3s ends would lose its connection.
set -u

# It ended by itself, so there is nobody to lead away any more.
kill -0 "${MAINPID:-}" 2>/dev/null || exit 0

# Root's own: nobody else may be able to hold the lock.
install --directory --mode=0700 /run/k3s-ha
exec 8>/run/k3s-ha/leaving.lock
# Somebody who changes this server has led its clients away already; an answer to a balancer holds the lock for an instant.
flock --timeout 0.3 8 || exit 0
sleep "$1"
kill -TERM "$MAINPID"
# The lock ends with this script. What does not end in time is systemd's.
for ((i = 0; i < 100; i++)); do
  kill -0 "$MAINPID" 2>/dev/null || exit 0
  sleep 0.1
done
