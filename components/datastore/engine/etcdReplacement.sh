# shellcheck shell=bash
# ---- replacing the content of an etcd by a backup ----

# It is restored on all members, with K3s stopped, and not from one host.
replace() { die "a backup of an etcd is restored on each of its members: make restore BACKUP=${1:-latest}"; }
