#!/bin/bash
# Puts what K3s needs on this host where K3s looks for it, before every start: uninstalling K3s removes it.
set -euo pipefail

cp --recursive --update=none --no-target-directory /usr/lib/sandbox-host/k3s /
