import { setTimeout as sleep } from "node:timers/promises";
import { haproxySocket } from "../../components/balancer/haproxyConfig.ts";
import { down, up } from "../../sandbox/sandbox.ts";
import { eventually } from "../support/eventually.ts";
import { question, endpointOf, type Endpoint } from "../support/probe.ts";
import { addressOf, devConfig, onHost, SandboxStack, type StackConfig } from "../support/sandboxCluster.ts";
import { writeNamespace } from "./client.ts";
import { plainPort, plainSocket, startPlainBalancer } from "./plainBalancer.ts";
import type { Configuration } from "./results.ts";

/** The release that the cluster begins with, and the one that it is upgraded to. */
export const releases = ["v1.35.0+k3s1", "v1.35.0+k3s3"] as const;

/** Every server that the cluster ever has: the last one is added, and removed, by events. */
const allServers = ["server-1", "server-2", "server-3"] as const;
const balancers = ["lb-1", "lb-2"] as const;
export const drillHosts = ["db-1", ...balancers, ...allServers, "agent-1"] as const;

/** The address that the load balancers share, in the default site. */
const virtualAddress = "198.51.100.100";

/** The cluster that the drill is held on. It has the sandbox for itself. */
export class DrillCluster {
  /** The load balancers' hosts. */
  readonly balancers = balancers;
  #config: StackConfig;
  #stack: SandboxStack;
  #administrator: Endpoint;

  private constructor(config: StackConfig, stack: SandboxStack, administrator: Endpoint) {
    this.#config = config;
    this.#stack = stack;
    this.#administrator = administrator;
  }

  /** Makes it from nothing: two load balancers with a virtual address, two servers, an agent. Returns when it is whole. */
  static async create(): Promise<DrillCluster> {
    await down();
    await up({ hosts: drillHosts, releases });
    const config = initialConfig(await devConfig());
    const stack = await SandboxStack.open("dev", config);
    await Promise.all([
      stack.mustUp(),
      // It learns by itself which servers are there, and takes its time for it.
      ...balancers.map((name) => startPlainBalancer(name, allServers)),
    ]);
    const cluster = new DrillCluster(config, stack, endpointOf(await stack.kubeconfig()));
    await cluster.whole();
    await cluster.ask("POST", "/api/v1/namespaces", {
      apiVersion: "v1",
      kind: "Namespace",
      metadata: { name: writeNamespace },
    });
    return cluster;
  }

  /** The cluster that `create` has made and nothing has changed. */
  static async existing(): Promise<DrillCluster> {
    const config = initialConfig(await devConfig());
    const stack = await SandboxStack.open("dev", config);
    return new DrillCluster(config, stack, endpointOf(await stack.kubeconfig()));
  }

  /** Where clients find the API through a load balancer of either configuration. */
  endpoint(configuration: Configuration): Endpoint {
    if (configuration === "k3s-ha") return this.#administrator;
    const { hostname } = new URL(this.#administrator.server);
    return { ...this.#administrator, server: `https://${hostname}:${plainPort}` };
  }

  /** The servers that the cluster has at the moment. */
  get servers(): string[] {
    return Object.keys(this.#config["servers"] as object);
  }

  /** The release that it runs at the moment. */
  get version(): string {
    return (this.#config["k3s"] as { version: string }).version;
  }

  /** Changes the configuration and brings the cluster to it. Throws with what `up` said when it fails. */
  async change(change: (config: StackConfig) => StackConfig): Promise<void> {
    this.#config = change(this.#config);
    this.#stack = await SandboxStack.open("dev", this.#config);
    await this.#stack.mustUp();
  }

  /** Adds `server-3`. */
  addServer(): Promise<void> {
    return this.change((config) => ({
      ...config,
      servers: { ...(config["servers"] as object), "server-3": { address: addressOf("server-3") } },
    }));
  }

  /** Takes `server-3` away. */
  removeServer(): Promise<void> {
    return this.change((config) => {
      const servers = { ...(config["servers"] as Record<string, object>) };
      delete servers["server-3"];
      return { ...config, servers };
    });
  }

  /** The load balancer with the virtual address, once there is exactly one. */
  holder(): Promise<string> {
    const { hostname } = new URL(this.#administrator.server);
    return eventually(async () => {
      const held = await Promise.all(
        balancers.map((name) => onHost(name, `ip -json address show to ${hostname} | grep -c local || test $? = 1`)),
      );
      const holders = balancers.filter((_, index) => held[index] !== "0");
      const [holder] = holders;
      if (holder === undefined || holders.length > 1) throw new Error(`${holders.length} balancers have ${hostname}`);
      return holder;
    }, 30);
  }

  /** Asks the API through the cluster's own load balancer; throws unless it is answered with success. */
  async ask(method: "GET" | "POST", path: string, body?: object): Promise<unknown> {
    const answer = await question(this.#administrator, { method, path, body });
    if (answer.failure !== undefined) throw new Error(`${method} ${path}: ${answer.failure} ${answer.body}`);
    return JSON.parse(answer.body);
  }

  /** Returns when both kinds of load balancer see every server up, and no other, and every node is Ready. */
  async whole(): Promise<void> {
    const deadline = performance.now() + 300_000;
    for (;;) {
      const missing = await this.missing().catch((error: unknown) => [String(error)]);
      if (missing.length === 0) return;
      if (performance.now() > deadline)
        throw new Error(`the cluster is not whole after five minutes: ${missing.join(", ")}`);
      await sleep(500);
    }
  }

  /** What keeps the cluster from being whole. */
  private async missing(): Promise<string[]> {
    const stats = await Promise.all(
      balancers.flatMap((balancer) =>
        [haproxySocket, plainSocket].map(async (socket) => {
          const table = await onHost(balancer, `socat -t 2 - UNIX-CONNECT:${socket} <<<'show stat'`);
          const up = new Set<string | undefined>(
            [...table.matchAll(/^[a-z-]*servers,([^,]+),(?:[^,]*,){15}UP,/gm)].map(([, name]) => name),
          );
          return allServers
            .filter((name) => up.has(name) !== this.servers.includes(name))
            .map((name) => `${name} is ${up.has(name) ? "up" : "not up"} for ${balancer}`);
        }),
      ),
    );
    const { items } = (await this.ask("GET", "/api/v1/nodes")) as {
      items: { metadata: { name: string }; status: { conditions: { type: string; status: string }[] } }[];
    };
    const ready = new Set(
      items
        .filter(({ status }) => status.conditions.some(({ type, status: is }) => type === "Ready" && is === "True"))
        .map(({ metadata }) => metadata.name),
    );
    const nodes = [...this.servers, "agent-1"].filter((name) => !ready.has(name)).map((name) => `${name} is not Ready`);
    return [...stats.flat(), ...nodes];
  }

  /** Takes all of it away. */
  async remove(): Promise<void> {
    await down();
  }
}

/** What the cluster begins with. */
function initialConfig(dev: StackConfig): StackConfig {
  const placed = (names: readonly string[]) =>
    Object.fromEntries(names.map((name) => [name, { address: addressOf(name) }]));
  return {
    ...dev,
    servers: placed(["server-1", "server-2"]),
    loadBalancer: { hosts: placed(balancers), virtualIp: { address: virtualAddress } },
  };
}
