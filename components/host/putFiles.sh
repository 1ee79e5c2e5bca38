# shellcheck shell=bash
# Puts files on the host, and nothing else.

apply() {
  lock_host
  put_files
}

remove() { :; }
