# shellcheck shell=bash
# What agents do is in a file of functions on their hosts, which the program puts there before each change.
functions_path=/usr/local/lib/k3s-ha/agent-functions
agent_traces=(/var/lib/k3s-ha/k3s.claims /etc/systemd/system/k3s-agent.service)

# Not on a reinstalled host.
has_agent() {
  local path
  for path in "${agent_traces[@]}"; do
    [[ ! -e $path ]] || return 0
  done
  return 1
}

load_functions() {
  [[ -e $functions_path ]] || {
    printf '%s\n' "$host_name: an agent is installed here, but $functions_path, which uninstalls it, is missing. Copy that file from the host of another agent and run again; or declare the host lost (docs/day-two.md), and reinstall it." >&2
    exit 1
  }
  # shellcheck source=/dev/null
  . "$functions_path"
}

# An agent that the state does not know, because the run that made it was killed.
uninstall_unknown_agent() {
  if has_agent; then
    load_functions
    uninstall_agent
  fi
  rm -f "$functions_path"
}
