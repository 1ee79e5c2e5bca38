// Proves how hosts in a file become hosts of the stack, thousands of them too, and what is said when they cannot.
import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { stringify } from "yaml";
import { InvalidConfiguration } from "../../components/config/problem.ts";
import { directoryWith, hostKey, parse, parseWithStacks, smallStack, type StackConfig, valuesOf } from "./stack.ts";

const fromFile: StackConfig = { ...smallStack, agentPools: { workers: { hosts: { file: "workers.yaml" } } } };

/** Workers as a map of hosts. */
function workers(count: number): Record<string, { address: string; hostKey: string }> {
  return Object.fromEntries(
    Array.from({ length: count }, (_, index) => [
      `worker-${index + 1}`,
      { address: `198.18.${Math.floor(index / 250)}.${1 + (index % 250)}`, hostKey },
    ]),
  );
}

async function problemsOf(config: StackConfig, directory: string): Promise<readonly string[]> {
  try {
    await parseWithStacks(config, {}, directory);
    return [];
  } catch (error) {
    if (error instanceof InvalidConfiguration) return error.problems;
    throw error;
  }
}

describe("hosts in a file", () => {
  it("are as if they were written in the configuration: servers, agents and the load balancer's", async (test) => {
    const hosts = {
      "servers.yaml": smallStack["servers"],
      "workers.json": workers(2),
      "balancers.yaml": (smallStack["loadBalancer"] as { hosts: unknown }).hosts,
    };
    const files = Object.entries(hosts).map(([name, value]): [string, string] => [
      name,
      name.endsWith("json") ? JSON.stringify(value) : stringify(value),
    ]);
    const config = {
      ...smallStack,
      servers: { file: "servers.yaml" },
      agentPools: { workers: { hosts: { file: "workers.json" }, waveWidth: 2 } },
      loadBalancer: { hosts: { file: "balancers.yaml" } },
    };
    const { settings, warnings } = await parseWithStacks(config, {}, directoryWith(test, Object.fromEntries(files)));
    const written = parse({ ...smallStack, agentPools: { workers: { hosts: workers(2), waveWidth: 2 } } });
    assert.deepEqual(settings, written.settings);
    assert.deepEqual(warnings, written.warnings);
  });

  it("may be 3,000, where a configuration in Pulumi's environment would be too long", async (test) => {
    const directory = directoryWith(test, { "workers.yaml": stringify(workers(3000)) });
    const k3s = { ...(smallStack["k3s"] as object), serverConfig: { "cluster-cidr": "10.64.0.0/12" } };
    const { settings } = await parseWithStacks({ ...fromFile, k3s }, {}, directory);
    assert.equal(Object.keys(settings.agentPools["workers"]?.hosts ?? {}).length, 3000);
    const length = (config: StackConfig) => JSON.stringify(valuesOf(config)).length;
    assert.ok(length(fromFile) < 128 * 1024);
    assert.ok(length({ ...smallStack, agentPools: { workers: { hosts: workers(3000) } } }) > 128 * 1024);
  });

  it("may be one that is called file", () => {
    const servers = { file: { address: "198.51.100.11", hostKey }, "server-2": { address: "198.51.100.12", hostKey } };
    assert.deepEqual(Object.keys(parse({ ...smallStack, servers }).settings.servers), ["file", "server-2"]);
  });
});

describe("hosts in a file are refused for", () => {
  const path = "k3s-ha:agentPools.workers.hosts";
  const refusals: [what: string, text: string | undefined, problem: (file: string) => string][] = [
    [
      "a file that is not there",
      undefined,
      (file) => `${path}.file is "workers.yaml" (${file}), a file that does not exist: create it or correct the path.`,
    ],
    [
      "text that is not YAML",
      "worker-1: {address: 198.51.100.41\nworker-2: [",
      (file) => `${path}.file is "workers.yaml" (${file}), a file that is not YAML in line 2: correct it there.`,
    ],
    [
      "a name that stands there twice",
      "worker-1: {address: 198.51.100.41}\nworker-1: {address: 198.51.100.42}\n",
      (file) =>
        `${path}.file is "workers.yaml" (${file}), a file that has a duplicate key in line 2: correct it there.`,
    ],
    [
      "nothing in it",
      "# none yet\n",
      (file) =>
        `${path}.file is "workers.yaml" (${file}), a file without hosts: list them there by name, like agent-1: {address: 203.0.113.41}.`,
    ],
    [
      "a list",
      "[worker-1]\n",
      () =>
        `${path} (in workers.yaml) is ["worker-1"], but has to be a map: write it like agent-1: {address: 203.0.113.41}.`,
    ],
    [
      "an address that is none",
      `worker-1: {address: a b, hostKey: ${hostKey}}\n`,
      () =>
        `${path}.worker-1.address (in workers.yaml) is "a b", but has to be an IP address or a DNS name: write it alone, without a user, a port or a scheme.`,
    ],
    [
      "a setting that hosts do not have",
      `worker-1: {address: 198.51.100.41, hostKey: ${hostKey}, ports: 22}\n`,
      () =>
        `${path}.worker-1.ports (in workers.yaml) is not a setting: rename it to port, or remove it (there are address, adopt, bastion, config, hostKey, labels, lost, nodeAddress, port, privateKeyFile, secondaryNodeAddress, taints and user).`,
    ],
    [
      "a host that is written in the configuration too",
      `worker-1: {address: 198.51.100.11, hostKey: ${hostKey}}\n`,
      () =>
        `${path}.worker-1 (in workers.yaml) has the address 198.51.100.11 and SSH port 22 of k3s-ha:servers.server-1 too, but every role needs its own host: correct one of the addresses, or remove one of the hosts.`,
    ],
  ];
  const directoryOf = (test: TestContext, text: string | undefined) =>
    directoryWith(test, text === undefined ? {} : { "workers.yaml": text });
  for (const [what, text, problem] of refusals) {
    it(what, async (test) => {
      const directory = directoryOf(test, text);
      assert.deepEqual(await problemsOf(fromFile, directory), [problem(`${directory}/workers.yaml`)]);
    });
  }

  it("hosts beside a file, and a path that is none", async (test) => {
    const config = (hosts: unknown) => ({ ...smallStack, agentPools: { workers: { hosts } } });
    const directory = directoryOf(test, "");
    assert.deepEqual(
      await problemsOf(config({ file: "workers.yaml", "agent-1": { address: "198.51.100.41" } }), directory),
      [`${path}.agent-1 is not a setting: remove it (there are file).`],
    );
    assert.deepEqual(await problemsOf(config({ file: 7 }), directory), [
      `${path}.file is 7, but has to be the path of a file: write it absolute, from ~/, or relative to the directory of Pulumi.yaml.`,
    ]);
  });
});
