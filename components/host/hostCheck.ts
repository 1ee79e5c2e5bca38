import * as pulumi from "@pulumi/pulumi";
import { renderHostScript } from "../render/hostScript.ts";
import { HostCommand } from "./hostCommand.ts";
import type { HostArgs } from "./host.ts";

/** What a host is for. */
export type HostRole = "server" | "agent" | "loadBalancer" | "datastore" | "backup";

/** A host to check, and what it stands for in messages. */
export interface CheckedHost {
  /** How it is reached. One with a `standIn` is lost, and is not looked at. */
  host: HostArgs;
  /** Where the host stands in the configuration, for messages: "k3s-ha:servers.server-1". */
  path: string;
  /** What it is for: how much room it needs, and which port has to be free. */
  role: HostRole;
}

/** The hosts that {@link HostChecks} checks, by name. */
export interface HostChecksArgs {
  /** The hosts by name. Names become names of resources. */
  hosts: Readonly<Record<string, CheckedHost>>;
}

/** Room that a role takes under /var, in MiB, with a margin: K3s and its images, a database, a proxy. */
const neededMebibytes: Readonly<Record<HostRole, number>> = {
  server: 2048,
  agent: 2048,
  datastore: 1024,
  loadBalancer: 256,
  backup: 1024,
};

/** The port that a role listens on by default, and the programs that may already hold it: our own. */
const ports: Readonly<Record<HostRole, { port: string; owners: string }>> = {
  server: { port: "6443", owners: "k3s k3s-server" },
  agent: { port: "", owners: "" },
  datastore: { port: "", owners: "" },
  loadBalancer: { port: "", owners: "" },
  backup: { port: "", owners: "" },
};

/** What a role is called in messages. */
const roleWords: Readonly<Record<HostRole, string>> = {
  server: "server",
  agent: "agent",
  loadBalancer: "load balancer",
  datastore: "datastore",
  backup: "backup host",
};

const declareLost =
  'If it is gone for good, declare it lost with "lost: true" (docs/day-two.md); it is then not dialled any more.';

/**
 * Reaches every host, and looks whether it can be worked on, before anything is changed on any of them. Whatever
 * changes hosts depends on this component: one host that is unreachable, shows another key, or runs another system
 * stops the run while all the others are untouched.
 */
export class HostChecks extends pulumi.ComponentResource {
  /** The names of the hosts that were checked: all but lost ones. */
  readonly checked: pulumi.Output<string[]>;

  constructor(name: string, args: HostChecksArgs, opts?: pulumi.ComponentResourceOptions) {
    super("k3s-ha:index:HostChecks", name, {}, opts);
    const paths = new Map(
      Object.entries(args.hosts).map(([hostName, { host, path }]) => [
        `${name}-${hostName}`,
        `${path}${whereIs(host)}`,
      ]),
    );
    // The provider's error says what failed; this says where it stands in the configuration, and what to do.
    const explain = new pulumi.ErrorHook(`${name}-explain`, async (failure) => {
      const remedy = explainConnectionFailure(paths.get(failure.name) ?? failure.name, failure.errors[0] ?? "");
      const lost = remedy?.includes("cannot be reached") === true ? ` ${declareLost}` : "";
      if (remedy !== undefined) await pulumi.log.error(`${remedy}${lost}`);
      return false;
    });

    // The host itself tells of it as well; this tells already in the preview.
    const keepRole = new pulumi.ResourceHook(
      `${name}-role`,
      ({ oldInputs, newInputs }) => {
        const [before, after] = [String(oldInputs?.["stdin"]), String(newInputs?.["stdin"])];
        const fault = roleFault(
          variableIn(after, "host_path"),
          variableIn(after, "host_name"),
          variableIn(before, "role"),
          variableIn(after, "role"),
        );
        if (fault !== undefined) throw new Error(fault);
      },
      { onDryRun: true },
    );

    const living = Object.entries(args.hosts).filter(([, { host }]) => host.standIn === undefined);
    const checks = living.map(
      ([hostName, { host, path, role }]) =>
        new HostCommand(
          `${name}-${hostName}`,
          {
            host,
            applySeconds: 60,
            removeSeconds: 20,
            script: pulumi.output(host.address).apply((address) =>
              renderHostScript({
                body: "hostCheck",
                variables: {
                  host_path: path,
                  host_address: address,
                  host_name: hostName,
                  role,
                  role_word: roleWords[role],
                  needed_mib: neededMebibytes[role],
                  port: ports[role].port,
                  port_owners: ports[role].owners,
                },
              }),
            ),
          },
          // A check leaves nothing behind, so there is nothing to dial a host for when it goes away.
          { parent: this, retainOnDelete: true, hooks: { onError: [explain], beforeUpdate: [keepRole] } },
        ),
    );
    this.checked = pulumi.all(checks.map((check) => check.urn)).apply(() => living.map(([hostName]) => hostName));
    this.registerOutputs({ checked: this.checked });
  }
}

/**
 * Why a host of that name may not change from one role to another in one step; undefined when it may. Only K3s is in the way:
 * what the one role installs would be taken away again for the other, and the node's name would be taken.
 */
export function roleFault(path: string, name: string, before: string, after: string): string | undefined {
  if (before === after || (before !== "server" && before !== "agent")) return undefined;
  return `${path}: ${name} is a node of the cluster, the ${before} ${name}, and is to be the ${roleWords[after as HostRole]} ${name}. A host gets another role in two steps: take its entry out and run up, which uninstalls K3s; then add it as what it is to be.`;
}

/** The value of a variable of a script, of those that need no quotes. */
function variableIn(script: string, name: string): string {
  return new RegExp(`^${name}=(\\S+)$`, "m").exec(script)?.[1] ?? "";
}

/** The address of a host, and that of its bastion, as messages show them. */
function whereIs({ address, bastion }: HostArgs): string {
  if (typeof address !== "string") return "";
  return typeof bastion?.address === "string"
    ? ` (${address} through the bastion ${bastion.address})`
    : ` (${address})`;
}

/**
 * One sentence with the configuration's path and the remedy for a failure to connect; undefined for other failures,
 * which the host's own script explains.
 */
export function explainConnectionFailure(path: string, error: string): string | undefined {
  if (/host key mismatch|no common algorithm for host key/.test(error)) {
    return `${path}: the host shows another SSH key than the configured host key. If the host was reinstalled, take its new key with "ssh-keyscan -t ed25519 ADDRESS", compare it with the host's own /etc/ssh/ssh_host_ed25519_key.pub, and configure it; else somebody may be in between.`;
  }
  if (error.includes("unable to authenticate")) {
    return `${path}: the host refuses the SSH login. Check k3s-ha:ssh.user, and that the public half of the configured private key stands in that user's authorized_keys.`;
  }
  const reason = /after -?\d+ failed attempts: (.+)/.exec(error)?.[1]?.replace(/^dial tcp \S+: (connect: )?/, "");
  if (reason !== undefined) {
    return `${path}: the host cannot be reached over SSH (${reason}). Check that it is up, and that its address and port are right.`;
  }
  if (
    /sudo: (a password is required|a terminal is required|command not found)|sudo: command not found|sudo: not found/.test(
      error,
    )
  ) {
    return `${path}: the login user cannot become root without a password. Give it password-less sudo, or log in as root.`;
  }
  return undefined;
}
