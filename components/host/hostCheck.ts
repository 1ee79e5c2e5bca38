import * as pulumi from "@pulumi/pulumi";
import { explainFailures, holdChanges } from "./beforeChanges.ts";
import { explainConnectionFailure } from "./connectionFault.ts";
import { guardChange } from "./guardChange.ts";
import type { HostArgs } from "./host.ts";
import { type MarkRecord, markHost, readEarlierMark } from "./hostMark.ts";
import { placeProxy } from "./hostProxy.ts";
import { makeInTurn } from "./inTurn.ts";
import type { OwnStack } from "./ownStack.ts";
import { type CheckedHost, type HostRole, roleWords } from "./hostCheckPart.ts";

export type { CheckedHost, HostRole };

/** The hosts that {@link HostChecks} checks, by name. */
export interface HostChecksArgs {
  /** The hosts by name. */
  hosts: Readonly<Record<string, CheckedHost>>;
  /** The identity of this cluster, to recognize its hosts. Default: only the stack's name is known. */
  stack?: OwnStack;
  /** The proxy that hosts reach what is outside through, as `clusterProxy` renders it. Default: that of each host's environment. */
  proxy?: pulumi.Output<string> | undefined;
}

/**
 * Reaches every host, and checks whether it can be worked on, before anything is changed on any of them: in each run that
 * changes a host, all hosts at the same time, by this program itself. One host that is unreachable, shows another key, or
 * runs another system stops the run while all the others are untouched. A run that changes no host reaches none. Then each
 * host is marked as this cluster's.
 *
 * Everything that is created after it and acts on hosts waits for it, in any component. Resources that are made while its hosts' addresses
 * are not known yet have to depend on it.
 */
export class HostChecks extends pulumi.ComponentResource {
  /** The names of the hosts that are checked: all except lost ones. */
  readonly checked: pulumi.Output<string[]>;
  readonly #marks: Promise<void>;

  constructor(name: string, args: HostChecksArgs, opts?: pulumi.ComponentResourceOptions) {
    super("k3s-ha:index:HostChecks", name, {}, opts);

    const living = Object.entries(args.hosts)
      .filter(([, { host }]) => host.standIn === undefined)
      .map(([hostName, host]) => ({ ...host, name: hostName, stack: args.stack }));
    let check: Promise<void> | undefined;
    holdChanges(
      new pulumi.ResourceHook(`${name}-check`, () => {
        check ??= (async () => {
          // A preview, and a run without changes, need no SSH.
          const { checkHosts } = await import("./checkHosts.ts");
          const { problems, notes } = await checkHosts(living);
          for (const note of notes) await pulumi.log.warn(note, this);
          if (problems.length === 0) return;
          await pulumi.log.error(problems.join("\n"), this);
          throw new Error("The check of the hosts failed. Nothing was changed on any host.");
        })();
        return check;
      }),
    );
    // A host may die after its check. The provider's error names an address; this says whose it is, and what to do.
    explainFailures(
      new pulumi.ErrorHook(`${name}-explain`, async ({ name: command, errors: [error = ""] }) => {
        const sentence = explainConnectionFailure(await placeIn(error, command), error);
        if (sentence !== undefined)
          await pulumi.log.error(`${sentence} Then run up again: it continues from here.`, this);
        return false;
      }),
    );
    const placeIn = async (error: string, command: string) => {
      const { valueOf } = await import("./hostLogin.ts");
      const dialled = /dial tcp \[?([^\]\s]+?)\]?:\d+:/.exec(error)?.[1];
      for (const { host, path } of living) if ((await valueOf(host.address)) === dialled) return `${path} (${dialled})`;
      return command;
    };
    // A host that gets another role is refused in the preview, before anything is reached. What a host was marked with last
    // is compared: nothing of a run that was refused.
    const keepRole = guardChange<MarkRecord>(`${name}-role`, {
      fault: (before, _, mark) => {
        const hostName = mark.slice(name.length + 1);
        const host = args.hosts[hostName];
        return host && roleFault(host.path, hostName, before.role, host.role);
      },
      readEarlier: readEarlierMark,
    });
    // No host is marked, and so none is changed, before every host's address is known.
    const marked = pulumi
      .all([args.stack?.clusterId ?? "", whenKnown(Object.values(args.hosts).map(({ host }) => host))])
      .apply(([clusterId]) => clusterId);
    // Everything that changes a host depends on this component, so it is created after the mark and deleted before it.
    const machines = Object.entries(args.hosts).filter(([, { on }]) => on === undefined);
    this.#marks = makeInTurn(machines, ([hostName, host]) => {
      const named = { ...host, name: hostName, stack: args.stack };
      const opts = { parent: this, hooks: { beforeUpdate: [keepRole] } };
      const mark = markHost(`${name}-${hostName}`, named, marked, opts);
      if (args.proxy === undefined) return mark;
      return placeProxy(`${name}-${hostName}-proxy`, named, args.proxy, { parent: this, dependsOn: [mark] });
    });
    this.checked = pulumi.output(living.map(({ name: hostName }) => hostName));
    this.registerOutputs({ checked: this.checked });
  }

  /** What depends on this component waits until all of its children are made. */
  protected override async initialize(): Promise<void> {
    // The constructor of the base class calls it.
    await Promise.resolve();
    await this.#marks;
  }
}

/** Nothing, once all is known that connections to these hosts take. Most of it is plain or shared, and costs no output for each. */
function whenKnown(hosts: readonly HostArgs[]): pulumi.Output<string> {
  const values = hosts.flatMap(({ address, hostKey, privateKey, bastion }) => [address, hostKey, privateKey, bastion]);
  const awaited = [...new Set(values)].filter((value) => value !== undefined && typeof value !== "string");
  return pulumi.unsecret(pulumi.output(awaited)).apply(() => "");
}

/**
 * Why a host of that name may not change from one role to another in one step; undefined when it may. Only K3s is in the way:
 * what one role installs would be removed again for the other, and the node's name would be in use.
 */
export function roleFault(
  path: string,
  name: string,
  before: HostRole | undefined,
  after: HostRole | undefined,
): string | undefined {
  if (before === after || after === undefined || (before !== "server" && before !== "agent")) return undefined;
  return `${path}: ${name} is a node of the cluster, the ${before} ${name}, but is configured as the ${roleWords[after]} ${name}. A host changes its role in two steps: remove its entry and run up, which uninstalls K3s; then add it in its new role.`;
}
