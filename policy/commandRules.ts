/** Rules for every stack: how a program may act on hosts at all. */
import type { ResourceValidationArgs, ResourceValidationPolicy } from "@pulumi/policy";

/** The properties of a `command:remote:Command` that these rules read. */
interface CommandInputs {
  readonly connection?: Connection & { readonly proxy?: Connection };
  readonly environment?: object;
  readonly logging?: string;
}

interface Connection {
  readonly host?: string;
  readonly hostKey?: string;
}

/** The inputs of what acts on a host; undefined for all else. */
function commandInputs({ type, props }: ResourceValidationArgs): CommandInputs | undefined {
  return type.startsWith("command:remote:") ? props : undefined;
}

const hostKeysPinned: ResourceValidationPolicy = {
  name: "host-keys-pinned",
  description: "Connections to every host, also through a bastion, pin its key.",
  validateResource(args, report) {
    const connection = commandInputs(args)?.connection;
    if (connection === undefined) return;
    for (const [what, { host = "a host", hostKey }] of Object.entries({
      host: connection,
      bastion: connection.proxy ?? connection,
    })) {
      if ((hostKey ?? "") !== "") continue;
      if (what === "bastion" && connection.proxy === undefined) continue;
      report(
        `${args.name} connects to the ${what} ${host} without a pinned key, so any host that answers there gets the login: set hostKey to the host's public key.`,
      );
    }
  },
};

const commandsKeepSecrets: ResourceValidationPolicy = {
  name: "commands-keep-secrets",
  description: "Input and output of commands stay out of logs, process lists and the state.",
  validateResource(args, report) {
    const inputs = commandInputs(args);
    if (inputs === undefined || args.type !== "command:remote:Command") return;
    if (inputs.logging !== "none") {
      report(`${args.name} logs what its script prints, and logs do not hide secrets: set logging to "none".`);
    }
    const hidden = args.opts.additionalSecretOutputs;
    if (!hidden.includes("stdout") || !hidden.includes("stderr")) {
      report(
        `${args.name} stores what its script prints as plain text in the stack's state: add stdout and stderr to additionalSecretOutputs.`,
      );
    }
    if (Object.keys(inputs.environment ?? {}).length > 0) {
      report(`${args.name} passes an environment, which process lists show: send its values on standard input.`);
    }
  },
};

export const commandRules: readonly ResourceValidationPolicy[] = [hostKeysPinned, commandsKeepSecrets];
