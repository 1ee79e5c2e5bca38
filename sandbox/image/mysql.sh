#!/bin/bash
# Makes the layer that a host with an existing MySQL has on top of the bare image: MySQL's server from Debian
# sid, with the few libraries that it needs from there, and $PACKAGES of the release; nothing of them configured.
# In:  BARE (the bare image), LAYER (empty directory), WORK (empty directory), SID_SOURCE, PACKAGES (space-separated),
#      APT_SOURCES, APT_CONFIGURATION
# Runs as root in its own mount and process namespaces, so that what it mounts and starts ends with it.
set -euo pipefail

mkdir "$WORK/work" "$WORK/root"
mount -t overlay overlay -o "lowerdir=$BARE,upperdir=$LAYER,workdir=$WORK/work" "$WORK/root"
ROOT=$WORK/root
mount -t proc proc "$ROOT/proc"
printf '%s' "$APT_SOURCES$SID_SOURCE" > "$ROOT/etc/apt/sources.list"
printf '%s' "$APT_CONFIGURATION" > "$ROOT/etc/apt/apt.conf.d/90build"
# Nothing comes from sid unless it is asked for: systemd above all stays the release's.
printf 'Package: *\nPin: release n=sid\nPin-Priority: 100\n' > "$ROOT/etc/apt/preferences.d/90build"
echo force-unsafe-io > "$ROOT/etc/dpkg/dpkg.cfg.d/90build"
cp --remove-destination /etc/resolv.conf "$ROOT/etc/resolv.conf"
if [ -d /etc/ssl/certs ]; then
  mkdir -p "$ROOT/etc/ssl/certs" "$ROOT/usr/share/ca-certificates"
  mount --bind /etc/ssl/certs "$ROOT/etc/ssl/certs"
  [ ! -d /usr/share/ca-certificates ] || mount --bind /usr/share/ca-certificates "$ROOT/usr/share/ca-certificates"
fi

# Packages start what they install; in an image there is no systemd to start it, and no port to be had twice.
printf '#!/bin/sh\nexit 101\n' > "$ROOT/usr/sbin/policy-rc.d"
chmod 0755 "$ROOT/usr/sbin/policy-rc.d"
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
chroot "$ROOT" apt-get update
# shellcheck disable=SC2086 # a list of package names
chroot "$ROOT" apt-get --assume-yes --no-install-recommends install $PACKAGES
chroot "$ROOT" apt-get --assume-yes --no-install-recommends --target-release sid install mysql-server

# Off, until a test, as their owner, switches one of them on.
for unit in mysql.service postgresql.service etcd.service; do
  [ ! -e "$ROOT/usr/lib/systemd/system/$unit" ] || chroot "$ROOT" systemctl disable "$unit"
done

umount "$ROOT/etc/ssl/certs"
rm "$ROOT/usr/sbin/policy-rc.d" "$ROOT/etc/apt/preferences.d/90build"
rm -f "$ROOT/etc/resolv.conf"
echo "# No name service in the sandbox." > "$ROOT/etc/resolv.conf"
