import { setTimeout as sleep } from "node:timers/promises";
import { haproxySocket } from "../../components/balancer/haproxyConfig.ts";
import { down, up } from "../../sandbox/sandbox.ts";
import { eventually } from "../support/eventually.ts";
import { question, endpointOf, type Endpoint } from "../support/probe.ts";
import { addressOf, devConfig, onHost, SandboxStack, type StackConfig } from "../support/sandboxCluster.ts";
import { writeNamespace } from "./client.ts";
import { plainPort, plainSocket, startPlainBalancer } from "./plainBalancer.ts";
import type { Configuration } from "./results.ts";
import { hostsOf, serversOf, type Shape } from "./shape.ts";

/** The release that the cluster begins with, and the one that it is upgraded to. */
export const releases = ["v1.35.0+k3s1", "v1.35.0+k3s3"] as const;

/** The cluster that the drill is held on. It has the sandbox for itself. */
export class DrillCluster {
  readonly shape: Shape;
  #config: StackConfig;
  #stack: SandboxStack;
  #administrator: Endpoint;

  private constructor(shape: Shape, config: StackConfig, stack: SandboxStack, administrator: Endpoint) {
    this.shape = shape;
    this.#config = config;
    this.#stack = stack;
    this.#administrator = administrator;
  }

  /** Makes it from nothing. Returns when it is whole. */
  static async create(shape: Shape): Promise<DrillCluster> {
    await down();
    await up({ hosts: hostsOf(shape), releases });
    const config = shape.config(await devConfig());
    const stack = await SandboxStack.open("dev", config);
    await Promise.all([
      stack.mustUp(),
      // It learns by itself which servers are there, and takes its time for it.
      ...shape.balancers.map((name) => startPlainBalancer(name, serversOf(shape))),
    ]);
    const cluster = new DrillCluster(shape, config, stack, endpointOf(await stack.kubeconfig()));
    await cluster.whole();
    await cluster.ask("POST", "/api/v1/namespaces", {
      apiVersion: "v1",
      kind: "Namespace",
      metadata: { name: writeNamespace },
    });
    return cluster;
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

  /** Adds the shape's further server. */
  addServer(): Promise<void> {
    const { added } = this.shape;
    return this.change((config) => ({
      ...config,
      servers: { ...(config["servers"] as object), [added]: { address: addressOf(added) } },
    }));
  }

  /** Takes that server away. */
  removeServer(): Promise<void> {
    return this.change((config) => {
      const servers = Object.entries(config["servers"] as Record<string, object>).filter(
        ([name]) => name !== this.shape.added,
      );
      return { ...config, servers: Object.fromEntries(servers) };
    });
  }

  /** The servers on whose hosts nothing else falls that clients need: neither the datastore nor the virtual address. */
  async serversAlone(): Promise<string[]> {
    const holder = await this.holder();
    return this.servers.filter((name) => name !== holder && name !== this.shape.datastore);
  }

  /** The load balancer with the virtual address, once there is exactly one. */
  holder(): Promise<string> {
    const { hostname } = new URL(this.#administrator.server);
    const { balancers } = this.shape;
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
      this.shape.balancers.flatMap((balancer) =>
        [haproxySocket, plainSocket].map(async (socket) => {
          const table = await onHost(balancer, `socat -t 2 - UNIX-CONNECT:${socket} <<<'show stat'`);
          const up = new Set<string | undefined>(
            [...table.matchAll(/^[a-z-]*servers,([^,]+),(?:[^,]*,){15}UP,/gm)].map(([, name]) => name),
          );
          return serversOf(this.shape)
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
    const nodes = [...this.servers, ...this.shape.agents]
      .filter((name) => !ready.has(name))
      .map((name) => `${name} is not Ready`);
    return [...stats.flat(), ...nodes];
  }

  /** Takes all of it away. */
  async remove(): Promise<void> {
    await down();
  }
}
