#!/bin/bash
# Fills $REPOSITORY with the packages $PACKAGES and all that they need beyond the bare image, as an apt repository.
# In:  BARE (the bare image), REPOSITORY (empty directory), WORK (empty directory), PACKAGES (space-separated)
# Runs as root in its own mount and process namespaces, so that what it mounts and starts ends with it.
set -euo pipefail

mkdir "$WORK/upper" "$WORK/work" "$WORK/root"
mount -t overlay overlay -o "lowerdir=$BARE,upperdir=$WORK/upper,workdir=$WORK/work" "$WORK/root"
ROOT=$WORK/root
mount -t proc proc "$ROOT/proc"
printf '%s' "$APT_SOURCES" > "$ROOT/etc/apt/sources.list"
printf '%s' "$APT_CONFIGURATION" > "$ROOT/etc/apt/apt.conf.d/90build"
cp --remove-destination /etc/resolv.conf "$ROOT/etc/resolv.conf"
if [ -d /etc/ssl/certs ]; then
  mkdir -p "$ROOT/etc/ssl/certs" "$ROOT/usr/share/ca-certificates"
  mount --bind /etc/ssl/certs "$ROOT/etc/ssl/certs"
  [ ! -d /usr/share/ca-certificates ] || mount --bind /usr/share/ca-certificates "$ROOT/usr/share/ca-certificates"
fi

export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
chroot "$ROOT" apt-get update
# shellcheck disable=SC2086 # a list of package names
chroot "$ROOT" apt-get --assume-yes --no-install-recommends --download-only install $PACKAGES
mv "$ROOT"/var/cache/apt/archives/*.deb "$REPOSITORY"

cd "$REPOSITORY"
apt-ftparchive packages . > Packages
gzip --keep --force Packages
apt-ftparchive release . > Release.new
mv Release.new Release
