/** A second up of a cluster: what it sees, and that it restarts nothing. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { execa } from "execa";
import { projectDirectory } from "../../operations/workspace.ts";
import { devCluster } from "../support/devCluster.ts";
import { changedLines, plannedChanges } from "../support/previewDiff.ts";
import { devConfig, onHost, SandboxStack, type StackConfig } from "../support/sandboxCluster.ts";

const hosts = ["db-1", "lb-1", "server-1", "server-2", "agent-1"] as const;

let config: StackConfig;
let stack: SandboxStack;

before(async () => {
  await devCluster();
  const { loadBalancer, ...others } = await devConfig();
  // Other than what Pulumi.dev.yaml leaves at its default, so that `make preview` has something to show.
  config = { ...others, loadBalancer: { ...(loadBalancer as object), idleSeconds: 600 } };
  stack = await SandboxStack.open("dev", config);
  await stack.mustUp();
});

describe("a second up", () => {
  test("changes nothing and restarts no service", async () => {
    const starts = () =>
      Promise.all(
        hosts.map((host) =>
          onHost(
            host,
            "systemctl show --property Id,ExecMainStartTimestampMonotonic,ExecMainPID mariadb haproxy k3s k3s-agent k3s-ha-datastore-firewall",
          ),
        ),
      );
    const before = await starts();
    const output = await stack.mustUp("--expect-no-changes");
    assert.match(output, /\d+ unchanged/);
    assert.deepEqual(await starts(), before);
  });

  test("can be foreseen by make preview, which shows the changed line of haproxy.cfg and touches nothing", async () => {
    const { stdout } = await execa(
      process.execPath,
      ["--disable-warning=ExperimentalWarning", join(projectDirectory, "operations/main.ts"), "preview"],
      { stdin: "ignore" },
    );
    assert.deepEqual(plannedChanges(stdout), ["update balancer-lb-1-service"]);
    const lines = changedLines(stdout).filter((line) => !line.includes("REVISION"));
    assert.deepEqual(lines, ["+ timeout tunnel 86400s", "- timeout tunnel 600s"]);
    assert.equal(await onHost("lb-1", "grep -c 'timeout tunnel 600s' /etc/haproxy/k3s-ha/haproxy.cfg"), "1");
    stack = await SandboxStack.open("dev", config);
  });

  test("with only the SSH connection changed restarts no service either", async () => {
    const starts = () =>
      Promise.all(
        hosts.map((host) =>
          onHost(
            host,
            "systemctl show --property ExecMainStartTimestampMonotonic,ExecMainPID mariadb haproxy k3s k3s-agent",
          ),
        ),
      );
    const before = await starts();
    const changed = structuredClone(config) as { ssh: Record<string, unknown> } & StackConfig;
    changed.ssh["port"] = 2222;
    for (const host of hosts)
      await onHost(
        host,
        "mkdir -p /etc/ssh/sshd_config.d; printf 'Port 22\\nPort 2222\\n' >/etc/ssh/sshd_config.d/90-port.conf; systemctl reload ssh",
      );
    const other = await SandboxStack.open("dev", {
      ...changed,
      ssh: { ...changed.ssh, knownHostsFile: undefined },
      ...(await withHostKeys(changed)),
    });
    const output = await other.mustUp();
    assert.match(output, /updated/);
    assert.deepEqual(await starts(), before);
    stack = await SandboxStack.open("dev", config);
    await stack.mustUp();
    assert.deepEqual(await starts(), before);
  });
});

/** The pools of a configuration with each host's key written beside it instead of in a known_hosts file. */
async function withHostKeys(given: StackConfig): Promise<StackConfig> {
  const keys = new Map<string, string>();
  for (const host of hosts) {
    const key = await onHost(host, "cut -d ' ' -f 1,2 /etc/ssh/ssh_host_ed25519_key.pub");
    keys.set(host, key);
  }
  const keyed = (pool: object) =>
    Object.fromEntries(
      Object.entries(pool).map(([name, host]) => [name, { ...(host as object), hostKey: keys.get(name) }]),
    );
  const { agentPools, loadBalancer, datastore } = given as {
    agentPools: { workers: { hosts: object } };
    loadBalancer: { hosts: object };
    datastore: { managed: { host: object } };
  };
  return {
    servers: keyed(given["servers"] as object),
    agentPools: { workers: { hosts: keyed(agentPools.workers.hosts) } },
    loadBalancer: { hosts: keyed(loadBalancer.hosts) },
    datastore: { managed: { ...datastore.managed, host: { ...datastore.managed.host, hostKey: keys.get("db-1") } } },
  };
}
