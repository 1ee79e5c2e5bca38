# shellcheck shell=bash
# The proxy of a host's downloads and packages, which only root reads, since it may have a password.

apply() {
  lock_host
  put_files
}

remove() {
  lock_host
  rm -f "$proxy_path"
}
