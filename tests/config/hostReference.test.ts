// Proves how hosts that another stack exports become hosts of this one, and what is said when they cannot. That the
// engine hands outputs over so, the sandbox proves.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { InvalidConfiguration } from "../../components/config/problem.ts";
import { deployProgram, sampleConfig } from "../support/program.ts";
import { hostKey, type OtherStacks, parse, parseWithStacks, smallStack, type StackConfig } from "./stack.ts";

const stack = "organization/infrastructure/prod";
const reference = { stack, output: "servers" };
const fromStack: StackConfig = { ...smallStack, servers: reference };

async function problemsOf(config: StackConfig, stacks: OtherStacks): Promise<readonly string[]> {
  try {
    await parseWithStacks(config, stacks);
    return [];
  } catch (error) {
    if (error instanceof InvalidConfiguration) return error.problems;
    throw error;
  }
}

describe("hosts of another stack", () => {
  it("are as if they were written here: servers, agents and the load balancer's", async () => {
    const [servers, workers, balancers] = [
      smallStack["servers"],
      { "agent-1": { address: "198.51.100.41", hostKey } },
      (smallStack["loadBalancer"] as { hosts: unknown }).hosts,
    ];
    const written = { ...smallStack, agentPools: { workers: { hosts: workers, waveWidth: 2 } } };
    const { settings, warnings } = await parseWithStacks(
      {
        ...fromStack,
        agentPools: { workers: { hosts: { stack, output: "workers" }, waveWidth: 2 } },
        loadBalancer: { hosts: { stack: "organization/network/prod", output: "balancers" } },
      },
      { [stack]: { servers, workers }, "organization/network/prod": { balancers } },
    );
    assert.deepEqual(settings, parse(written).settings);
    assert.deepEqual(warnings, []);
  });

  it("make the program's resources, in a preview too", async () => {
    const stacks = { [stack]: { servers: sampleConfig["k3s-ha:servers"] } };
    const config = { ...sampleConfig, "k3s-ha:servers": reference };
    const written = await deployProgram(sampleConfig, { preview: "first" });
    const found = await deployProgram(config, { preview: "first", stacks });
    const names = (of: typeof found) => of.resources.map(({ name }) => name).toSorted();
    assert.deepEqual(names(found), names(written));
  });

  it("may be secret there, with a warning", async () => {
    const { warnings } = await parseWithStacks(fromStack, { [stack]: { servers: [smallStack["servers"]] } });
    assert.deepEqual(warnings, [
      `k3s-ha:servers comes from the output servers of ${stack}, which is secret, but names and addresses of hosts are not secret here: export it without pulumi.secret.`,
    ]);
  });

  it("may be called stack and output, if they are hosts", () => {
    const servers = {
      stack: { address: "198.51.100.11", hostKey },
      output: { address: "198.51.100.12", hostKey },
    };
    assert.deepEqual(Object.keys(parse({ ...smallStack, servers }).settings.servers), ["output", "stack"]);
  });
});

describe("hosts of another stack are refused for", () => {
  const refusals: [what: string, config: StackConfig, stacks: OtherStacks, problems: string[]][] = [
    [
      "a stack that was never up",
      fromStack,
      { [stack]: {} },
      [
        `k3s-ha:servers names the output "servers" of the stack ${stack}, which has no outputs: run pulumi up on that stack first.`,
      ],
    ],
    [
      "an output that is not there",
      fromStack,
      { [stack]: { network: "x", workers: {} } },
      [
        `k3s-ha:servers names the output "servers" of the stack ${stack}, which has no such output: export it there, or name an existing one (network and workers).`,
      ],
    ],
    [
      "a secret of another passphrase",
      fromStack,
      { [stack]: { servers: [{}] } },
      [
        `k3s-ha:servers names the output "servers" of the stack ${stack}, which is secret and could not be decrypted: give both stacks the same passphrase or secrets provider, or export it without pulumi.secret.`,
      ],
    ],
    [
      "an empty map",
      fromStack,
      { [stack]: { servers: {} } },
      [
        `k3s-ha:servers names the output "servers" of the stack ${stack}, which holds no hosts: export a map like {server-1: {address: 203.0.113.11}} there; if it holds hosts, it is a secret that could not be decrypted: give both stacks the same passphrase or secrets provider.`,
      ],
    ],
    [
      "a list",
      fromStack,
      { [stack]: { servers: "server-1" } },
      [
        `k3s-ha:servers (from the output servers of ${stack}) is "server-1", but has to be a map: write it like server-1: {address: 203.0.113.11}.`,
      ],
    ],
    [
      "a host without a key",
      { ...smallStack, agentPools: { workers: { hosts: { stack, output: "workers" } } } },
      { [stack]: { workers: { "agent-1": { address: "198.51.100.41" } } } },
      [
        `k3s-ha:agentPools.workers.hosts.agent-1.hostKey (from the output workers of ${stack}) is missing and ssh.knownHostsFile is not set, but every host key has to be pinned: run "ssh-keyscan -t ed25519 -p 22 198.51.100.41", compare the key with /etc/ssh/ssh_host_ed25519_key.pub on the host itself, and write it here as "ssh-ed25519 AAAA…".`,
      ],
    ],
    [
      "an address that is none, and a fault that is written here",
      { ...fromStack, backup: { keep: 0 } },
      { [stack]: { servers: { "server-1": { address: "a b", hostKey } } } },
      [
        `k3s-ha:servers.server-1.address (from the output servers of ${stack}) is "a b", but has to be an IP address or a DNS name: write it alone, without a user, a port or a scheme.`,
        "k3s-ha:backup.keep is 0, but has to be a whole number of at least 1: write the number of verified backups to keep.",
      ],
    ],
    [
      "a host that is written here too",
      { ...smallStack, agentPools: { workers: { hosts: { stack, output: "workers" } } } },
      { [stack]: { workers: { "agent-1": { address: "198.51.100.11", hostKey } } } },
      [
        `k3s-ha:agentPools.workers.hosts.agent-1 (from the output workers of ${stack}) has the address 198.51.100.11 and SSH port 22 of k3s-ha:servers.server-1 too, but every role needs its own host: correct one of the addresses, or remove one of the hosts.`,
      ],
    ],
    [
      "half a name of a stack",
      { ...smallStack, servers: { stack: "infrastructure", output: "servers" } },
      {},
      [
        'k3s-ha:servers.stack is "infrastructure", but has to be the full name of a stack: write it like organization/infrastructure/prod.',
      ],
    ],
    [
      "no name of an output",
      { ...smallStack, servers: { stack } },
      {},
      [
        "k3s-ha:servers.output is missing and has to be a name: write the name of the output that holds the hosts, such as servers.",
      ],
    ],
    [
      "hosts beside a stack",
      { ...smallStack, servers: { ...reference, "server-1": { address: "198.51.100.11" } } },
      {},
      ["k3s-ha:servers.server-1 is not a setting: remove it (there are output and stack)."],
    ],
  ];
  for (const [what, config, stacks, problems] of refusals) {
    it(what, async () => {
      assert.deepEqual(await problemsOf(config, stacks), problems);
    });
  }
});
