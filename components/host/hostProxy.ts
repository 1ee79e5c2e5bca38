import * as pulumi from "@pulumi/pulumi";
import type { HostArgs } from "./host.ts";
import { HostCommand } from "./hostCommand.ts";
import { renderHostScript } from "./hostScript.ts";
import { proxyPath } from "./proxy.ts";
import { hostScripts } from "./scripts.ts";

/** Gives a host the proxy that it downloads and installs packages through, before anything else is done there. */
export function placeProxy(
  name: string,
  { name: hostName, host }: { name: string; host: HostArgs },
  environment: pulumi.Output<string>,
  opts: pulumi.CustomResourceOptions,
): HostCommand {
  const script = environment.apply((content) =>
    renderHostScript({
      body: hostScripts.hostProxy,
      variables: { host_name: hostName },
      files: [{ path: proxyPath, content, mode: "0600" }],
    }),
  );
  return new HostCommand(name, { host, applySeconds: 330, removeSeconds: 330, script }, opts);
}
