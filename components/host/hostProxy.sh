# shellcheck shell=bash
# The proxy of a host's downloads, packages and backups, which only root reads, since it may have a password.

apply() {
  lock_host
  put_files
  # In each run: one that was killed may have put the drop-in without it.
  systemctl daemon-reload
}

remove() {
  lock_host
  rm -f "$proxy_path" "$units_drop_in"
  if [[ -d ${units_drop_in%/*} ]]; then rmdir --ignore-fail-on-non-empty "${units_drop_in%/*}"; fi
  systemctl daemon-reload
}
