#!/bin/bash
# Makes the layer that a K3s-HA host has on top of the bare image: $PACKAGES installed, nothing of them configured.
# In:  BARE (the bare image), LAYER (empty directory), WORK (empty directory), REPOSITORY, PACKAGES (space-separated)
# Runs as root in its own mount and process namespaces, so that what it mounts and starts ends with it.
set -euo pipefail

mkdir "$WORK/work" "$WORK/root"
mount -t overlay overlay -o "lowerdir=$BARE,upperdir=$LAYER,workdir=$WORK/work" "$WORK/root"
ROOT=$WORK/root
mount -t proc proc "$ROOT/proc"
mkdir "$ROOT/mnt/repository"
mount --bind "$REPOSITORY" "$ROOT/mnt/repository"
echo "deb [trusted=yes] file:/mnt/repository ./" > "$ROOT/etc/apt/sources.list"
echo force-unsafe-io > "$ROOT/etc/dpkg/dpkg.cfg.d/90build"

export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
chroot "$ROOT" apt-get update
# shellcheck disable=SC2086 # a list of package names
chroot "$ROOT" apt-get --assume-yes --no-install-recommends install $PACKAGES

# Installed, and off: the database runs on database hosts, which switch it on; the others start once configured.
chroot "$ROOT" systemctl disable mariadb.service haproxy.service keepalived.service nftables.service

umount "$ROOT/mnt/repository"
rmdir "$ROOT/mnt/repository"
