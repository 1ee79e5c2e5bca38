# shellcheck shell=bash
# The command of one agent.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C

apply() {
  sha256sum --check --status <<<"$functions_sha256  $functions_path" 2>/dev/null || {
    printf '%s\n' "$host_name: $functions_path is not the file that this run wrote; run up again" >&2
    exit 1
  }
  load_functions
  apply_agent
}

remove() {
  if has_agent; then
    load_functions
    remove_agent
  fi
}
