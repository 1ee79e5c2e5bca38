# shellcheck shell=bash
# Packages stay when they are no longer needed: something else on the host may have come to need them.
apply() {
  lock_host
  install_packages "${packages[@]}"
}

remove() { :; }
