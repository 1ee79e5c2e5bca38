import { writtenBy } from "../host/writtenBy.ts";

/** The role of K3s that a unit runs. */
export type K3sRole = "server" | "agent";

/** Name of the unit of a role: the one that K3s's own installer uses. */
export const k3sUnitNames: Readonly<Record<K3sRole, string>> = { server: "k3s", agent: "k3s-agent" };

/**
 * The systemd unit of K3s, as its installer writes it, except for two things: environment variables can be given, and a
 * server that died comes back after one second, not five, because the API waits for it.
 */
export function renderK3sUnit(role: K3sRole, environment: Readonly<Record<string, string | number>> = {}): string {
  const name = k3sUnitNames[role];
  const variables = Object.entries(environment).map(([key, value]) => `Environment=${key}=${value}\n`);
  return `# ${writtenBy}
[Unit]
Description=Lightweight Kubernetes (${role})
Documentation=https://k3s.io
Wants=network-online.target
After=network-online.target
# However often it died: the datastore it waits for may come back any moment.
StartLimitIntervalSec=0

[Service]
Type=${role === "server" ? "notify" : "exec"}
EnvironmentFile=-/etc/default/${name}
${variables.join("")}ExecStartPre=-/sbin/modprobe br_netfilter
ExecStartPre=-/sbin/modprobe overlay
ExecStart=/usr/local/bin/k3s ${role}
KillMode=process
Delegate=yes
LimitNOFILE=1048576
LimitNPROC=infinity
LimitCORE=infinity
TasksMax=infinity
TimeoutStartSec=0
Restart=always
RestartSec=1s

[Install]
WantedBy=multi-user.target
`;
}
