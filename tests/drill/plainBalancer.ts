/**
 * The load balancer that the drill compares with: HAProxy as it is commonly set up for K3s, on the same hosts, beside the
 * cluster's own and on a port of its own. Both see the very same event at the same time.
 */
import { addressOf, onHost } from "../support/sandboxCluster.ts";

/** Port of the plain load balancer. */
export const plainPort = 16443;

/** What it is called in HAProxy's log. */
export const plainFrontend = "plain-api";

const socket = "/run/haproxy/plain.sock";

const openPort = `option tcp-check
  default-server check inter 5s fall 3`;

/**
 * Its haproxy.cfg. An open port counts as ready, asked every five seconds, and down after the third failure; with `healthPort`, the
 * answer to HTTP there decides, asked every second, after the second.
 */
export function renderPlainConfig(servers: Readonly<Record<string, string>>, healthPort?: number): string {
  const check =
    healthPort === undefined
      ? openPort
      : `option httpchk GET /
  default-server check port ${healthPort} inter 1s fall 2 rise 2`;
  const lines = Object.entries(servers).map(([name, address]) => `  server ${name} ${address}:6443`);
  return `global
  log /dev/log local0
  user haproxy
  group haproxy
  stats socket ${socket} mode 660 level admin

defaults
  log global
  mode tcp
  option tcplog
  timeout connect 10s
  timeout client 1m
  timeout server 1m

frontend ${plainFrontend}
  bind :${plainPort}
  default_backend plain-servers

backend plain-servers
  balance roundrobin
  ${check}
${lines.join("\n")}
`;
}

/** Starts it on a load balancer's host, in front of `servers`, under the distribution's unit with other paths. */
export async function startPlainBalancer(host: string, servers: readonly string[], healthPort?: number): Promise<void> {
  const config = renderPlainConfig(Object.fromEntries(servers.map((name) => [name, addressOf(name)])), healthPort);
  await onHost(
    host,
    `set -eu
mkdir -p /etc/haproxy
cat >/etc/haproxy/plain.cfg <<'EOF'
${config}EOF
cat >/etc/systemd/system/plain-haproxy.service <<'EOF'
[Unit]
Description=The balancer that the drill compares with
After=network-online.target

[Service]
Type=notify
RuntimeDirectory=haproxy
RuntimeDirectoryPreserve=yes
ExecStart=/usr/sbin/haproxy -Ws -f /etc/haproxy/plain.cfg -p /run/plain-haproxy.pid
ExecReload=/bin/kill -USR2 $MAINPID
KillMode=mixed
Restart=always
SuccessExitStatus=143

[Install]
WantedBy=multi-user.target
EOF
systemctl daemon-reload
systemctl enable --quiet plain-haproxy
systemctl restart plain-haproxy`,
  );
}

/** Where HAProxy of each configuration answers. */
export const plainSocket = socket;
