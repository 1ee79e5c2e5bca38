import { readFileSync } from "node:fs";
import { balancerScripts } from "./scripts.ts";
import type { HostFile } from "../host/hostScript.ts";
import { writtenBy } from "../host/writtenBy.ts";
import { unitPath } from "../host/unitPath.ts";

/** Port that K3s's API listens on at every server. */
export const apiPort = 6443;

/** Port that a server tells load balancers on whether it takes new clients. What it says is no secret, and nothing is read. */
export const balancerStatePort = 6440;

/**
 * Seconds after which every load balancer has seen that a server wants no new clients: they ask twice a second, and give an
 * answer a second.
 */
export const leaveSeconds = 2;

/** Seconds after which every load balancer sends clients to a ready server again: two good checks, a second apart, and one more. */
export const returnSeconds = 4;

const unitName = "k3s-ha-balancer-state";
/** Name of the unit that listens. */
export const balancerStateSocket = `${unitName}.socket`;

/** The path of the program that answers load balancers. */
export const balancerStateProgramPath = "/usr/local/lib/k3s-ha/balancer-state";

/** The path of the program with which systemd stops K3s. */
export const stopProgramPath = "/usr/local/lib/k3s-ha/k3s-stop";

/** The drop-in of K3s's unit that uses it. A separate file: its changes need no restart of K3s. */
export const stopDropInPath = unitPath("k3s.service.d/k3s-ha.conf");

/**
 * Everything that a server answers load balancers with; they ask at its cluster-side `address` only. A command that stops K3s, be
 * it an operator or a reboot, has load balancers send clients elsewhere first, and gives them `leaving` seconds for it; with 0,
 * as for a single server, it does not. What K3s led is free when it has ended.
 */
export function balancerStateFiles(address: string, leaving: number): HostFile[] {
  return [
    program(balancerStateProgramPath, balancerScripts.balancerState),
    program(stopProgramPath, balancerScripts.k3sStop),
    { path: unitPath(`${unitName}@.service`), content: renderService() },
    { path: unitPath(balancerStateSocket), content: renderSocket(address) },
    { path: stopDropInPath, content: renderStopDropIn(leaving) },
  ];
}

function program(path: string, script: URL): HostFile {
  return { path, content: readFileSync(script, "utf8"), mode: "0755" };
}

function renderStopDropIn(leaving: number): string {
  return `# ${writtenBy}
[Service]
${leaving > 0 ? "" : "# No other server could take this one's clients.\n"}ExecStop=${stopProgramPath} lead-away ${leaving}
ExecStopPost=-${stopProgramPath} give-up ended
ExecStartPost=-${stopProgramPath} give-up started
`;
}

function renderSocket(address: string): string {
  const host = address.includes(":") ? `[${address}]` : address;
  return `# ${writtenBy}
[Unit]
Description=Tells balancers whether this server takes new clients
# Also while the host shuts down, and K3s with it.
DefaultDependencies=no

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

/** One answer. It is given twice a second to every load balancer, so it says nothing in the journal. */
function renderService(): string {
  return `# ${writtenBy}
[Unit]
Description=Tells a balancer whether this server takes new clients
DefaultDependencies=no
CollectMode=inactive-or-failed

[Service]
# A slice of its own would be on its way out when the host shuts down, and nothing could start in it.
Slice=system.slice
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
