import { readFileSync } from "node:fs";
import { balancerScripts } from "./scripts.ts";
import type { HostFile } from "../host/hostScript.ts";
import { writtenBy } from "../host/writtenBy.ts";
import { unitPath } from "../host/unitPath.ts";

/** Port of a server at which an external load balancer checks over HTTP whether it takes new clients: 200 or 503. */
export const serverHealthPort = 6442;

const unitName = "k3s-ha-server-health";
/** Name of the unit that listens. */
export const serverHealthSocket = `${unitName}.socket`;

/** The path of the program that answers. */
export const serverHealthProgramPath = "/usr/local/lib/k3s-ha/server-health";

/** Everything that a server answers the health checks of an external load balancer with. */
export function serverHealthFiles(): HostFile[] {
  return [
    {
      path: serverHealthProgramPath,
      content: readFileSync(balancerScripts.serverHealth, "utf8"),
      mode: "0755",
    },
    { path: unitPath(`${unitName}@.service`), content: renderService() },
    { path: unitPath(serverHealthSocket), content: renderSocket() },
  ];
}

/** Some clouds check a target at the load balancer's own address, so it listens on all, as K3s does. */
function renderSocket(): string {
  return `# ${writtenBy}
[Unit]
Description=Answers health checks of load balancers for this server
# Also while the host shuts down, and K3s with it.
DefaultDependencies=no

[Socket]
ListenStream=${serverHealthPort}
Accept=yes
MaxConnections=64
MaxConnectionsPerSource=16
TriggerLimitIntervalSec=0

[Install]
WantedBy=sockets.target
`;
}

/** One answer. Load balancers check all the time, so it says nothing in the journal. */
function renderService(): string {
  return `# ${writtenBy}
[Unit]
Description=Answers a health check of a load balancer for this server
DefaultDependencies=no
CollectMode=inactive-or-failed

[Service]
# A slice of its own would be on its way out when the host shuts down, and nothing could start in it.
Slice=system.slice
ExecStart=${serverHealthProgramPath}
CapabilityBoundingSet=
NoNewPrivileges=yes
StandardInput=socket
StandardOutput=socket
StandardError=null
LogLevelMax=warning
RuntimeMaxSec=15s
TimeoutStopSec=2s
`;
}
