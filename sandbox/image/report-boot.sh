#!/bin/bash
# Notes for the sandbox, once a boot is over, what systemd calls its end and which units failed. The note is whole or
# not there. The sandbox reads it on the host's disk, so that no login reaches a host that is still booting.
# In:  REPORT (the note's path)
set -euo pipefail

{
  systemctl is-system-running --wait || test $? = 1
  systemctl list-units --failed --plain --no-legend
} > "$REPORT.new"
mv "$REPORT.new" "$REPORT"
