import { readFileSync } from "node:fs";
import type { HostFile } from "./hostScript.ts";

/** Port that a server tells balancers on whether it takes new clients. What it says is no secret, and nothing is read. */
export const balancerStatePort = 6440;

/**
 * Seconds after which every balancer has seen that a server wants no new clients: they ask twice a second, and give an
 * answer a second.
 */
export const leaveSeconds = 2;

/** Seconds after which every balancer sends clients to a ready server again: two good checks, a second apart, and one more. */
export const returnSeconds = 4;

const unitName = "k3s-ha-balancer-state";
/** Name of the unit that listens. */
export const balancerStateSocket = `${unitName}.socket`;

/** Where the program is that answers balancers. */
export const balancerStateProgramPath = "/usr/local/lib/k3s-ha/balancer-state";

/** Everything that a server answers balancers with; they ask at its cluster-side address only. */
export function balancerStateFiles(address: string): HostFile[] {
  return [
    {
      path: balancerStateProgramPath,
      content: readFileSync(new URL("./scripts/balancerState.sh", import.meta.url), "utf8"),
      mode: "0755",
    },
    { path: `/etc/systemd/system/${unitName}@.service`, content: renderService() },
    { path: `/etc/systemd/system/${balancerStateSocket}`, content: renderSocket(address) },
  ];
}

function renderSocket(address: string): string {
  const host = address.includes(":") ? `[${address}]` : address;
  return `# Written by k3s-ha; changes made here are overwritten.
[Unit]
Description=Tells balancers whether this server takes new clients

[Socket]
ListenStream=${host}:${balancerStatePort}
FreeBind=yes
Accept=yes
MaxConnections=64
TriggerLimitIntervalSec=0

[Install]
WantedBy=sockets.target
`;
}

/** One answer. It is given twice a second to every balancer, so it says nothing in the journal. */
function renderService(): string {
  return `# Written by k3s-ha; changes made here are overwritten.
[Unit]
Description=Tells a balancer whether this server takes new clients
CollectMode=inactive-or-failed

[Service]
ExecStart=${balancerStateProgramPath}
CapabilityBoundingSet=
NoNewPrivileges=yes
StandardInput=null
StandardOutput=socket
StandardError=journal
LogLevelMax=warning
TimeoutSec=2s
`;
}
