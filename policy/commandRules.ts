/** Rules for every stack: how a program may act on hosts at all. */
import type { ResourceValidationArgs, ResourceValidationPolicy } from "@pulumi/policy";

/** What these rules read of a `command:remote:Command`. */
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
  description: "Every host, a bastion too, is known by its key before anything is sent to it.",
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
        `${args.name} connects to the ${what} ${host} without knowing its key, so whoever answers there gets the login: set hostKey to the host's public key.`,
      );
    }
  },
};

const commandsKeepSecrets: ResourceValidationPolicy = {
  name: "commands-keep-secrets",
  description: "What a command is told, and what it prints, is kept from logs, process lists and the state.",
  validateResource(args, report) {
    const inputs = commandInputs(args);
    if (inputs === undefined || args.type !== "command:remote:Command") return;
    if (inputs.logging !== "none") {
      report(`${args.name} logs what its script prints, and logs know nothing of secrets: set logging to "none".`);
    }
    const hidden = args.opts.additionalSecretOutputs;
    if (!hidden.includes("stdout") || !hidden.includes("stderr")) {
      report(
        `${args.name} keeps what its script prints in the clear in the stack's state: name stdout and stderr in additionalSecretOutputs.`,
      );
    }
    if (Object.keys(inputs.environment ?? {}).length > 0) {
      report(`${args.name} passes an environment, which process lists show: send its values on standard input.`);
    }
  },
};

export const commandRules: readonly ResourceValidationPolicy[] = [hostKeysPinned, commandsKeepSecrets];
