/** Proves that the policy pack passes the stacks that come with the program, and fails what it is there to fail. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { it } from "node:test";
import { execa } from "execa";
import { projectDirectory } from "../../operations/workspace.ts";
import { PreviewStack, stackFile } from "../support/previewStack.ts";
import { inTemporaryProject } from "../toolchain/temporaryProject.ts";

const pack = ["preview", "--policy-pack", join(projectDirectory, "policy")];

/** The violations that an output tells: rule, resource and message. */
function violations(output: string): string[] {
  const found = output.matchAll(/\[mandatory\]\s+([\w-]+)\s+\(\S+ (\S+)\)\n[^\n]*\n\s+([^\n]+)/g);
  return [...found].map(([, rule = "", resource = "", message = ""]) => `${rule}: ${resource}: ${message}`).toSorted();
}

it("previews production with every rule kept, without a network, a host, a database or an agent", async () => {
  await PreviewStack.use(await stackFile("prod"), async (stack) => {
    // A network of its own with the machine's loopback and a card that leads nowhere: whatever dials is counted there.
    const script = `set -euo pipefail
ip link set lo up
sysctl -qw net.ipv6.conf.all.disable_ipv6=1
ip link add probe type veth peer name nowhere
ip link set probe arp off up
ip link set nowhere up
ip address add 203.0.113.254/24 dev probe
ip route add default dev probe
sent() { awk '$1 == "probe:" { print $11 }' /proc/net/dev; }
before=$(sent)
"$@"
echo "packets sent: $(($(sent) - before))"
timeout 1 bash -c 'exec 3<>/dev/tcp/203.0.113.11/22' 2>/dev/null || test $? -ne 0
echo "packets of one connection: $(($(sent) - before))"`;
    const command = [stack.cli, ...pack, "--non-interactive", "--color=never", ...stack.arguments];
    const { all, exitCode } = await execa("unshare", ["--net", "bash", "-c", script, "bash", ...command], {
      env: stack.environment,
      stdin: "ignore",
      all: true,
      reject: false,
    });
    assert.equal(exitCode, 0, all);
    assert.match(all, /k3s-ha-production@v1\.0\.0/);
    assert.doesNotMatch(all, /mandatory|advisory/);
    // What this machine lacks for an update is told, and stops no preview.
    assert.match(all, /An update would stop: k3s-ha:datastoreAdminPassword is missing/);
    assert.match(all, /An update would stop: the mysql plugin would not trust the database/);
    assert.match(all, /packets sent: 0\n/);
    assert.doesNotMatch(all, /packets of one connection: 0/);
  });
});

it("lets the sandbox's stack pass, which is not production, and fails it once it says that it is", async () => {
  const dev = await stackFile("dev");
  const prod = await stackFile("prod");
  const hostKey = (prod["k3s-ha:servers"] as { "server-1": { hostKey: string } })["server-1"].hostKey;
  const config = JSON.parse(JSON.stringify({ ...dev, "k3s-ha:ssh": prod["k3s-ha:ssh"] }), (_key, value: unknown) =>
    typeof value === "object" && value !== null && "address" in value ? { ...value, hostKey } : value,
  ) as Record<string, unknown>;
  await PreviewStack.use(config, async (stack) => {
    assert.deepEqual(violations(await stack.succeed(pack)), []);

    await stack.configure({
      ...config,
      "k3s-ha:safety": { production: true, protectDatastore: false },
    });
    const { exitCode, output } = await stack.pulumi(pack);
    assert.notEqual(exitCode, 0);
    assert.deepEqual(violations(output), [
      "backups-off-host: backup: backup does not encrypt its backups, and each holds the whole cluster: add public age keys to k3s-ha:backup.recipients.",
      "backups-off-host: backup: backup keeps its backups on db-1 only, so they are lost with it: set k3s-ha:backup.copy to a location off that host.",
      "datastore-protected: datastore: datastore is not protected, so a destroy would delete it: remove k3s-ha:safety.protectDatastore, or set it to true.",
      "release-pinned: servers: servers trusts any binary that its mirror serves as v1.35.0+k3s1: set k3s-ha:k3s.sha256 to the binary's sum from the release's list of checksums.",
      "release-pinned: workers: workers trusts any binary that its mirror serves as v1.35.0+k3s1: set k3s-ha:k3s.sha256 to the binary's sum from the release's list of checksums.",
    ]);
  });
});

it("fails a program of one's own that trusts hosts unseen, shows what commands say, or does not verify the datastore", async () => {
  const program = `
    import * as pulumi from "@pulumi/pulumi";
    import { remote } from "@pulumi/command";
    new pulumi.ComponentResource("k3s-ha:index:MySQLDatastore", "database", { tls: "skip-verify" }, { protect: true });
    const release = { version: "v1.35.0+k3s1", mirror: "https://mirror.example.com", sha256: "0".repeat(64) };
    new pulumi.ComponentResource("k3s-ha:index:K3sServerPool", "pool", { hosts: ["server-1"], release });
    new remote.Command("careless", {
      connection: { host: "203.0.113.11", proxy: { host: "203.0.113.9" } },
      create: "true",
      environment: { PASSWORD: "word" },
    });
  `;
  await inTemporaryProject({ program }, async (project) => {
    await project.succeed("config", "set", "k3s-ha:safety", '{"production":true}');
    const { exitCode, output } = await project.pulumi(...pack);
    assert.notEqual(exitCode, 0);
    const found = violations(output).filter((line) => !line.startsWith("complete"));
    assert.deepEqual(found, [
      'commands-keep-secrets: careless: careless logs what its script prints, and logs do not hide secrets: set logging to "none".',
      "commands-keep-secrets: careless: careless passes an environment, which process lists show: send its values on standard input.",
      "commands-keep-secrets: careless: careless stores what its script prints as plain text in the stack's state: add stdout and stderr to additionalSecretOutputs.",
      'datastore-tls-verified: database: database does not verify the datastore\'s certificate (its tls is "skip-verify"), so anyone on the network between could read every secret of the cluster: set the CA that signed the certificate.',
      "host-keys-pinned: careless: careless connects to the bastion 203.0.113.9 without a pinned key, so any host that answers there gets the login: set hostKey to the host's public key.",
      "host-keys-pinned: careless: careless connects to the host 203.0.113.11 without a pinned key, so any host that answers there gets the login: set hostKey to the host's public key.",
      "two-servers: pool: pool has a single server, and losing it stops the API: add a second, or a third, to k3s-ha:servers.",
    ]);
    assert.match(output, /The stack has no BackupCron, which production requires\./);
  });
});

it("fails a production that lacks servers, a datastore or backups, each on its own", async () => {
  const components = {
    K3sServerPool: `{ hosts: ["server-1", "server-2"], release: { version: "v1.35.0+k3s1", mirror: "https://mirror.example.com", sha256: "0".repeat(64) } }`,
    MySQLDatastore: `{ tls: "verified" }, { protect: true }`,
    BackupCron: `{ host: "db-1", recipients: ["age1"], copy: { type: "s3" } }`,
  };
  const program = `
    import * as pulumi from "@pulumi/pulumi";
    const lacking = new pulumi.Config().require("lacking");
    ${Object.entries(components)
      .map(
        ([name, args]) =>
          `if (lacking !== "${name}") new pulumi.ComponentResource("k3s-ha:index:${name}", "x", ${args});`,
      )
      .join("\n")}
  `;
  await inTemporaryProject({ program }, async (project) => {
    await project.succeed("config", "set", "k3s-ha:safety", '{"production":true}');
    for (const name of [...Object.keys(components), "nothing"]) {
      await project.succeed("config", "set", "lacking", name);
      const { exitCode, output } = await project.pulumi(...pack);
      const said = [...output.matchAll(/The stack has no (\w+), which production requires\./g)].map(([, part]) => part);
      assert.deepEqual([...new Set(said)], name === "nothing" ? [] : [name]);
      assert.equal(exitCode === 0, name === "nothing", output);
      // And it is for nothing else that it fails.
      assert.deepEqual(
        violations(output).filter((line) => !line.startsWith("complete")),
        [],
      );
    }
  });
});
