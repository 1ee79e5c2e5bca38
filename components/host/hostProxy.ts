import * as pulumi from "@pulumi/pulumi";
import type { HostArgs } from "./host.ts";
import { HostCommand } from "./hostCommand.ts";
import { renderHostScript } from "./hostScript.ts";
import { proxyPath } from "./proxy.ts";
import { hostScripts } from "./scripts.ts";
import { writtenBy } from "./writtenBy.ts";

/** The drop-in of all services whose names begin with k3s-ha, such as those of backups, which copy and report to elsewhere. */
const unitsDropInPath = "/etc/systemd/system/k3s-ha-.service.d/proxy.conf";

/** Gives a host the proxy that it downloads, installs packages and copies backups through, before anything else is done there. */
export function placeProxy(
  name: string,
  { name: hostName, host }: { name: string; host: HostArgs },
  environment: pulumi.Output<string>,
  opts: pulumi.CustomResourceOptions,
): HostCommand {
  const script = environment.apply((content) =>
    renderHostScript({
      body: hostScripts.hostProxy,
      variables: { host_name: hostName, units_drop_in: unitsDropInPath },
      files: [
        { path: proxyPath, content, mode: "0600" },
        { path: unitsDropInPath, content: `# ${writtenBy}\n[Service]\nEnvironmentFile=-${proxyPath}\n` },
      ],
    }),
  );
  return new HostCommand(name, { host, applySeconds: 330, removeSeconds: 330, script }, opts);
}
