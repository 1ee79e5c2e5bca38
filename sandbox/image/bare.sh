#!/bin/bash
# Makes a minimal Debian with systemd, sshd and sudo in $ROOT.
# In:  ROOT (empty directory), SUITE, MIRROR, PACKAGES (comma-separated), APT_SOURCES, APT_CONFIGURATION
# Runs as root in its own mount and process namespaces, so that what it mounts and starts ends with it.
set -euo pipefail

debootstrap --variant=minbase --include="$PACKAGES" "$SUITE" "$ROOT" "$MIRROR"

# Updates, with the machine's own way to the mirror. These settings leave with the build.
printf '%s' "$APT_SOURCES" > "$ROOT/etc/apt/sources.list"
printf '%s' "$APT_CONFIGURATION" > "$ROOT/etc/apt/apt.conf.d/90build"
echo force-unsafe-io > "$ROOT/etc/dpkg/dpkg.cfg.d/90build"
mount -t proc proc "$ROOT/proc"
if [ -d /etc/ssl/certs ]; then
  mkdir -p "$ROOT/etc/ssl/certs" "$ROOT/usr/share/ca-certificates"
  mount --bind /etc/ssl/certs "$ROOT/etc/ssl/certs"
  [ ! -d /usr/share/ca-certificates ] || mount --bind /usr/share/ca-certificates "$ROOT/usr/share/ca-certificates"
fi
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
chroot "$ROOT" apt-get update
chroot "$ROOT" apt-get --assume-yes dist-upgrade

# Who may log in is said host by host; the account is there for hosts that refuse root.
chroot "$ROOT" useradd --create-home --shell /bin/bash admin

# What a host has no use for: no modules to load, no console, no timers that wake up in the middle of a test.
for unit in apt-daily.timer apt-daily-upgrade.timer man-db.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer \
  dpkg-db-backup.timer systemd-networkd.service systemd-networkd.socket systemd-networkd-wait-online.service \
  systemd-resolved.service systemd-modules-load.service systemd-timesyncd.service console-getty.service getty@.service \
  getty-static.service getty.target sys-kernel-debug.mount sys-kernel-tracing.mount sys-kernel-config.mount \
  sys-fs-fuse-connections.mount dev-hugepages.mount dev-mqueue.mount modprobe@.service systemd-pcrphase.service \
  systemd-journal-catalog-update.service systemd-hwdb-update.service ldconfig.service; do
  ln -sf /dev/null "$ROOT/etc/systemd/system/$unit"
done
ln -sf /usr/lib/systemd/system/multi-user.target "$ROOT/etc/systemd/system/default.target"

# Every host gets these of its own.
rm -f "$ROOT"/etc/ssh/ssh_host_* "$ROOT/etc/machine-id" "$ROOT/etc/hostname" "$ROOT/etc/resolv.conf"
echo "# No name service in the sandbox." > "$ROOT/etc/resolv.conf"
