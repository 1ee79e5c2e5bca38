import * as pulumi from "@pulumi/pulumi";
import { type HostArgs, nodeAddressOf } from "../host/host.ts";
import type { HostCommand } from "../host/hostCommand.ts";
import { makeInTurn } from "../host/inTurn.ts";
import { hostSettingsOf } from "./hostSettings.ts";
import { runK3sAgent, type SharedAgentSettings } from "./k3sAgent.ts";
import type { ClusterNetwork } from "./k3sNode.ts";
import { hardeningFiles, withHardening } from "./hardening.ts";
import { filesOf, type NodeFile } from "./nodeFiles.ts";
import { type K3sReleaseArgs, recordedRelease } from "./k3sRelease.ts";
import type { Recorded } from "../contract/recorded.ts";

/** A pool of like nodes that run workloads. */
export interface AgentPoolArgs {
  /** The hosts by node name. */
  hosts: Readonly<Record<string, HostArgs>>;
  /** The release that the agents run: not newer than the servers'. */
  release: K3sReleaseArgs;
  /** The API endpoint that agents join at: the load balancer's. */
  apiEndpoint: pulumi.Input<string>;
  /** The agent token, with the hash of the server CA before it. Secret. */
  joinToken: pulumi.Input<string>;
  /** Labels that every node joins with. Default: none. */
  labels?: Readonly<Record<string, string>>;
  /** Taints that every node joins with, as `key=value:effect`. Default: none. */
  taints?: readonly string[];
  /** More settings of every agent, as in K3s's config.yaml. */
  config?: Readonly<Record<string, unknown>>;
  /** Files that every node has before K3s starts. Default: none. */
  files?: readonly NodeFile[] | undefined;
  /** Whether nodes are hardened as in K3s's CIS guide. Default: false. */
  hardened?: boolean | undefined;
  /** Whether the servers' settings have `flannel-external-ip: true`. Default: false. */
  usesExternalAddresses?: boolean | undefined;
  /** The cluster's network plugin. With "own" an agent is verified without being Ready. Default: "flannel". */
  network?: ClusterNetwork | undefined;
  /** The number of agents that are created or changed at the same time. Default: 10. */
  waveWidth?: number;
  /**
   * Seconds that pods may take to leave an agent before K3s is restarted on it; those that are still there then run on.
   * Default: 0, no agent is drained: a restart of K3s leaves pods running.
   */
  drainSeconds?: number;
  /** Seconds that an agent may take to become ready after a start. Default: 240. */
  readySeconds?: number;
  /** Any value. A change rotates K3s's own certificates. Default: none. */
  certificateRotation?: string | undefined;
}

/** K3s agents that joined through the load balancer, created and changed in waves. */
export class AgentPool extends pulumi.ComponentResource {
  /** The agents' addresses by node name, except lost ones; each is known once its node is Ready. */
  readonly addresses: Readonly<Record<string, pulumi.Output<string>>>;
  readonly #agents: Promise<void>;

  constructor(name: string, args: AgentPoolArgs, opts?: pulumi.ComponentResourceOptions) {
    const { labels: labelMap = {}, taints = [], waveWidth = 10, drainSeconds = 0, hardened = false } = args;
    const moreConfig = hardened ? withHardening("agent", args.config ?? {}) : (args.config ?? {});
    const ownSettings = hostSettingsOf(args.hosts);
    super(
      "k3s-ha:index:AgentPool",
      name,
      {
        hosts: Object.keys(args.hosts),
        release: recordedRelease(args.release),
        labels: labelMap,
        taints,
        config: moreConfig,
        ...(Object.keys(ownSettings).length === 0 ? {} : { hostSettings: ownSettings }),
        waveWidth,
        drainSeconds,
        ...(args.certificateRotation === undefined ? {} : { certificateRotation: args.certificateRotation }),
      } satisfies Recorded["k3s-ha:index:AgentPool"],
      opts,
    );
    const labels = Object.entries(labelMap).map(([key, value]) => `${key}=${value}`);
    // One output for all agents, since each costs Pulumi a dozen promises.
    const shared: pulumi.OutputInstance<SharedAgentSettings> = pulumi
      .all([
        moreConfig,
        args.apiEndpoint,
        args.joinToken,
        pulumi.output(args.release.registries),
        pulumi.output(filesOf("agent", [...(hardened ? hardeningFiles : []), ...(args.files ?? [])])),
      ])
      .apply(([more, apiEndpoint, token, registries, files]) => ({
        config: {
          ...(labels.length === 0 ? {} : { "node-label": labels }),
          ...(taints.length === 0 ? {} : { "node-taint": taints }),
          ...more,
        },
        apiEndpoint,
        token,
        registries,
        files,
      }));

    const hosts = Object.entries(args.hosts);
    const agents: HostCommand[] = [];
    this.#agents = makeInTurn(hosts, ([nodeName, host]) => {
      // Each agent waits for the one a wave's width before it, so never more than that many are under way.
      const before = agents[agents.length - waveWidth];
      const agent: HostCommand = runK3sAgent(
        `${name}-${nodeName}`,
        {
          host,
          nodeName,
          release: args.release,
          shared,
          drainSeconds,
          network: args.network,
          usesExternalAddresses: args.usesExternalAddresses,
          readySeconds: args.readySeconds ?? 240,
          certificateRotation: args.certificateRotation,
        },
        { parent: this, dependsOn: before === undefined ? [] : [before] },
      );
      agents.push(agent);
      return agent;
    });
    const addresses: Record<string, pulumi.Output<string>> = {};
    for (const [index, [nodeName, host]] of hosts.entries()) {
      if (host.standIn !== undefined) continue;
      const address = ({ urn }: HostCommand) => urn.apply(() => nodeAddressOf(host));
      const agent = agents[index];
      addresses[nodeName] =
        agent === undefined
          ? pulumi.output(this.#agents.then(() => address(agents[index] as HostCommand)))
          : address(agent);
    }
    this.addresses = addresses;
    this.registerOutputs({ addresses: this.addresses });
  }

  /** What depends on this component waits until all of its children are made. */
  protected override async initialize(): Promise<void> {
    // The constructor of the base class calls it.
    await Promise.resolve();
    await this.#agents;
  }
}
