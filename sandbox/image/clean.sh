#!/bin/bash
# Takes out of an image what only its build needed, and marks it as up to date, so that the first boot does no work.
# In:  ROOT (the image, or the layer)
set -euo pipefail

rm -f "$ROOT/etc/apt/sources.list" "$ROOT/etc/apt/apt.conf.d/90build" "$ROOT/etc/dpkg/dpkg.cfg.d/90build"
rm -rf "$ROOT"/var/lib/apt/lists/* "$ROOT"/var/cache/apt/archives/*.deb "$ROOT"/var/cache/apt/*.bin
rm -rf "$ROOT"/tmp/* "$ROOT"/var/tmp/* "$ROOT"/var/log/apt "$ROOT"/var/log/dpkg.log
touch "$ROOT/etc/.updated" "$ROOT/var/.updated"
