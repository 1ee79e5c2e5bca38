/** The whole program, index.ts, under mocks. */
import { deploy, type DeployOptions, type Deployment, type Registered } from "./deploy.ts";
import { sampleHostKey, sampleSshKey } from "./sampleHosts.ts";
import { reveal } from "./wire.ts";

/** What the program exports. */
export type Program = typeof import("../../index.ts");

const hostKey = sampleHostKey;

/** A configuration with everything in it, in the shape of the stack's file: two servers, load balancers and pools, one database. */
export const sampleConfig = {
  "k3s-ha:ssh": { user: "root" },
  "k3s-ha:servers": {
    "server-1": { address: "198.51.100.11", hostKey },
    "server-2": { address: "198.51.100.12", hostKey },
  },
  "k3s-ha:agentPools": {
    workers: {
      hosts: {
        "agent-1": { address: "198.51.100.41", hostKey },
        "agent-2": { address: "198.51.100.42", hostKey, user: "deploy" },
      },
    },
    ingress: {
      hosts: { "ingress-1": { address: "198.51.100.51", hostKey } },
      labels: { "example.com/tier": "web" },
      taints: ["dedicated=ingress:NoSchedule"],
    },
  },
  "k3s-ha:loadBalancer": {
    hosts: { "lb-1": { address: "198.51.100.30", hostKey }, "lb-2": { address: "198.51.100.31", hostKey } },
    virtualIp: { address: "198.51.100.100" },
    names: ["k8s.example.com"],
  },
  "k3s-ha:datastore": { managed: { name: "db-1", host: { address: "198.51.100.20", hostKey } } },
  "k3s-ha:k3s": {
    version: "v1.35.0+k3s1",
    mirror: "http://198.51.100.1:8080",
    trustMirror: true,
    serverConfig: { disable: ["traefik"] },
  },
  "k3s-ha:sshPrivateKey": sampleSshKey,
} as const satisfies Record<string, object | string>;

/** The sample's hosts by the address that SSH dials. */
const hostNames: ReadonlyMap<unknown, string> = new Map([
  ["198.51.100.11", "server-1"],
  ["198.51.100.12", "server-2"],
  ["198.51.100.20", "db-1"],
  ["198.51.100.30", "lb-1"],
  ["198.51.100.31", "lb-2"],
  ["198.51.100.41", "agent-1"],
  ["198.51.100.42", "agent-2"],
  ["198.51.100.51", "ingress-1"],
]);

/** The names of the sample's hosts, sorted. */
export const sampleHostNames = [...hostNames.values()].toSorted();

/** The host of the sample that a command acts on. */
export function hostNameOf(command: Registered): string {
  const { host } = reveal(command.inputs["connection"]) as { host: unknown };
  const name = hostNames.get(host);
  if (name === undefined) throw new Error(`${command.name} acts on an unknown host`);
  return name;
}

let runs = 0;

/** Runs the program with a configuration of texts and objects, as the stack's file holds them. */
export async function deployProgram(
  config: Readonly<Record<string, object | string>> = sampleConfig,
  options: Pick<DeployOptions, "preview" | "stacks"> = {},
): Promise<Deployment<Program>> {
  // A module runs once; another query makes it another module.
  const module = `../../index.ts?run=${++runs}`;
  return deployConfigured(async () => (await import(module)) as Program, config, options);
}

/** Runs a piece of a program with such a configuration. */
export async function deployConfigured<T>(
  program: () => T | Promise<T>,
  config: Readonly<Record<string, object | string>>,
  options: Pick<DeployOptions, "preview" | "stacks" | "madeAs"> = {},
): Promise<Deployment<T>> {
  return deploy(program, {
    ...options,
    config: Object.fromEntries(
      Object.entries(config).map(([key, value]) => [key, typeof value === "string" ? value : JSON.stringify(value)]),
    ),
    secretKeys: ["k3s-ha:sshPrivateKey", "k3s-ha:datastoreEndpoint", "k3s-ha:datastoreAdminPassword"],
  });
}
