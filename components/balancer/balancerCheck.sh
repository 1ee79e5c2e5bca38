#!/bin/bash
# balancer-check answers|ready: keepalived asks whether HAProxy answers here, and whether it sees a server that clients can be sent to.
set -euo pipefail
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C
socket=/run/haproxy/k3s-ha.sock

# The one line about all servers together, those that are ready and those that live. With a datastore that hangs none is ready
# for any balancer, but they learn it seconds apart: the address, and every connection with it, stays where it is.
ask() { socat -t 0.4 -T 0.4 - "UNIX-CONNECT:$socket" <<<"show stat servers 2 -1;show stat alive 2 -1" 2>/dev/null; }

case $1 in
  # A second chance, after the time that systemd takes to bring HAProxy back: that is shorter than a move.
  answers) [[ -n $(ask) ]] || { sleep 0.3 && [[ -n $(ask) ]]; } ;;
  ready) [[ $(ask) == *,BACKEND,*,UP,* ]] ;;
  *) exit 2 ;;
esac
