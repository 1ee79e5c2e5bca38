// Proves that whatever configuration is accepted becomes what was meant, on every host: the whole program runs under mocks
// with it, and the real validators of HAProxy, keepalived and systemd, and readers of YAML and of DSNs, judge what it places.
import assert from "node:assert/strict";
import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, it } from "node:test";
import { execa } from "execa";
import fc from "fast-check";
import { parse as parseYaml } from "yaml";
import { makeAuthority, makeCertificate } from "../support/certificates.ts";
import { commandsOf, type Deployment, scriptOf } from "../support/deploy.ts";
import { filesOf, type WrittenFile } from "../support/hostFiles.ts";
import { driverReads } from "../support/mysqlDriver.ts";
import { ownNetwork } from "../support/nftables.ts";
import { deployProgram } from "../support/program.ts";
import { programPath } from "../support/programs.ts";
import { sampleSshKey } from "../support/sampleHosts.ts";
import { complaintsAboutUnits, unitsAmong } from "../support/systemdUnits.ts";
import { inTemporaryDirectory } from "../support/temporaryDirectory.ts";
import { reveal } from "../support/wire.ts";
import { ageRecipient, hostKey, problemsOf, type StackConfig } from "../config/stack.ts";

interface Host {
  name: string;
  /** What SSH dials. */
  address: string;
  nodeAddress: string;
}

interface Pool {
  hosts: Host[];
  labels: Record<string, string>;
  taints: string[];
}

/** A configuration as a person means it. */
interface Meant {
  servers: Host[];
  pools: Record<string, Pool>;
  balancers: Host[];
  database: Host;
  virtualIp: string | undefined;
  balancer: Record<string, unknown> & { names: string[]; port: number; maxConnections: number; idleSeconds: number };
  /** Of the managed or an existing datastore. */
  managed: { port: number; database: string };
  /** The password of an existing one. */
  password: string | undefined;
  backup: Record<string, unknown>;
  serverConfig: Record<string, unknown>;
  agentConfig: Record<string, unknown>;
}

const label = fc.stringMatching(/^[a-z]([a-z0-9-]{0,12}[a-z0-9])?$/);
/** Names of which some, with a "-" between two of them, are others. */
const name = fc.oneof(fc.constantFrom("a", "b", "a-b", "b-c", "c", "a.b"), label);
/** Text that YAML, a shell or systemd takes for something else, and any other. */
const text = fc.oneof(
  fc.constantFrom("yes", "0600", "1e3", "a: b", "# a", "$(id)", "`id`", "%n", "EOF", "'", '"', "\\", "\n", "\u0085"),
  fc.string({ unit: "binary" }),
);
const value = fc.oneof(text, fc.integer(), fc.boolean(), fc.array(text, { maxLength: 3 }));
const settings = (keys: readonly string[]) =>
  fc.dictionary(fc.constantFrom(...keys), value, { noNullPrototype: true, minKeys: 2, maxKeys: 4 });
const labels = fc.dictionary(
  fc.oneof(
    label,
    label.map((word) => `example.com/${word}`),
    fc.constant("topology.kubernetes.io/zone"),
  ),
  fc.oneof(label, fc.constantFrom("", "true", "1", "1e3", "no")),
  { noNullPrototype: true, maxKeys: 3 },
);
const taint = fc
  .tuple(label, fc.oneof(label, fc.constant("")), fc.constantFrom("NoSchedule", "PreferNoSchedule", "NoExecute"))
  .map(([key, of, effect]) => `${key}=${of}:${effect}`);
const port = fc.oneof(fc.constantFrom(443, 6443, 8404, 3306), fc.integer({ min: 1, max: 65_535 }));
const directory = fc.oneof(
  fc.array(label, { minLength: 1, maxLength: 3 }).map((steps) => `/srv/${steps.join("/")}`),
  fc.constantFrom("/srv/-b", "/srv/a.b", "/srv/a@b", "/srv/a/../b"),
);

const meant: fc.Arbitrary<Meant> = fc
  .record({
    names: fc.uniqueArray(name, { minLength: 12, maxLength: 12 }),
    pools: fc.uniqueArray(
      fc.record({
        name: name.filter((each) => !each.includes(".")),
        size: fc.integer({ min: 0, max: 2 }),
        labels,
        taints: fc.array(taint, { maxLength: 2 }),
      }),
      {
        maxLength: 2,
        selector: ({ name: pool }) => pool,
      },
    ),
    servers: fc.integer({ min: 1, max: 4 }),
    balancers: fc.integer({ min: 1, max: 2 }),
    isIPv6: fc.boolean(),
    dialsNames: fc.boolean(),
    balancer: fc.record({
      port,
      names: fc.array(
        fc.oneof(
          label.map((word) => `${word}.example.com`),
          fc.ipV4(),
          fc.constant("2001:db8::abcd"),
        ),
        { maxLength: 3 },
      ),
      maxConnections: fc.integer({ min: 1, max: 20_000 }),
      idleSeconds: fc.integer({ min: 1, max: 2_147_483 }),
      statsPort: port,
    }),
    managed: fc.record({ port, database: fc.stringMatching(/^[a-z0-9_]{1,20}$/) }),
    password: fc.option(
      fc.oneof(
        fc.stringMatching(/^[@/:?#%&() '"\\a-c0-9[\]=+]{1,20}$/),
        fc.constant("p@tcp(x)/y?tls=true"),
        fc.string({ unit: "grapheme", minLength: 1 }),
      ),
      { nil: undefined },
    ),
    backup: fc
      .record(
        {
          directory,
          metricsDirectory: directory,
          schedule: fc.constantFrom("17 * * * *", "0 3 * * 1-5", "*/20 0-4 L * *", "0 0 1,15 * 2"),
          keep: fc.integer({ min: 1, max: 100 }),
          onFailure: text.filter((command) => /^[^\r\n\0]+$/.test(command)),
          drill: fc.record({ afterBackup: fc.boolean() }),
        },
        { requiredKeys: [] },
      )
      // Drills of encrypted backups take a private key, which is another test's.
      .map((backup) => ("drill" in backup ? backup : { ...backup, recipients: [ageRecipient] })),
    serverConfig: settings([
      "disable",
      "kube-apiserver-arg",
      "cluster-domain",
      "kube-scheduler-arg",
      "flannel-backend",
      "debug+",
    ]),
    agentConfig: settings(["kubelet-arg", "node-external-ip", "snapshotter", "log"]),
  })
  .map(({ names, pools, servers, balancers, isIPv6, dialsNames, serverConfig, ...rest }) => {
    const hosts = names.map((each, index): Host => {
      const nodeAddress = isIPv6 ? `2001:db8::${(index + 1).toString(16)}` : `198.51.100.${index + 1}`;
      return { name: each, nodeAddress, address: dialsNames ? `host-${index + 1}.example.com` : nodeAddress };
    });
    const take = (count: number) => hosts.splice(0, count);
    const [database] = take(1);
    assert.ok(database !== undefined);
    return {
      ...rest,
      database,
      servers: take(servers),
      balancers: take(balancers),
      pools: Object.fromEntries(pools.map(({ name: pool, size, ...of }) => [pool, { ...of, hosts: take(size) }])),
      virtualIp: balancers === 1 ? undefined : isIPv6 ? "2001:db8::ff" : "198.51.100.100",
      // K3s's own networks are IPv4 ones unless it is told.
      serverConfig: isIPv6
        ? { ...serverConfig, "cluster-cidr": "2001:db8:42::/56", "service-cidr": "2001:db8:43::/112" }
        : serverConfig,
    };
  });

const bracketed = (address: string) => (address.includes(":") ? `[${address}]` : address);

/** "host:port" that the endpoint is to have. */
const addressOfDatabase = ({ database, managed }: Meant) => `${bracketed(database.nodeAddress)}:${managed.port}`;

/** The configuration as the stack's file has it. */
function written(of: Meant): StackConfig {
  const entry = ({ address, nodeAddress }: Host) => ({ address, nodeAddress, hostKey });
  const map = (hosts: readonly Host[]) => Object.fromEntries(hosts.map((host) => [host.name, entry(host)]));
  return {
    servers: map(of.servers),
    agentPools: Object.fromEntries(
      Object.entries(of.pools).map(([pool, all]) => [pool, { ...all, hosts: map(all.hosts) }]),
    ),
    loadBalancer: {
      ...of.balancer,
      hosts: map(of.balancers),
      ...(of.virtualIp === undefined ? {} : { virtualIp: { address: of.virtualIp } }),
    },
    ...(of.password === undefined
      ? {
          datastore: { managed: { ...of.managed, name: of.database.name, host: entry(of.database) } },
          backup: of.backup,
        }
      : {
          datastore: { endpoint: { caFile: join(files, "ca.crt") } },
          datastoreEndpoint: `mysql://k3s:${of.password}@tcp(${addressOfDatabase(of)})/${of.managed.database}`,
          backup: { ...of.backup, dedicated: { name: of.database.name, host: entry(of.database) } },
        }),
    k3s: { version: "v1.35.0+k3s1", serverConfig: of.serverConfig, agentConfig: of.agentConfig },
    sshPrivateKey: sampleSshKey,
  };
}

/** The files that the program places on each host, by the address that SSH dials. */
async function filesByAddress(deployment: Deployment<unknown>): Promise<Map<string, WrittenFile[]>> {
  const found = new Map<string, WrittenFile[]>();
  const read = await Promise.all(
    commandsOf(deployment).map(async (command) => {
      const { host } = reveal(command.inputs["connection"]) as { host: string };
      return { host, files: await filesOf(scriptOf(command)) };
    }),
  );
  for (const { host, files } of read) found.set(host, [...(found.get(host) ?? []), ...files]);
  return found;
}

/** A directory with a health certificate and the CA of everything. */
let files: string;

/** What real HAProxy says of a configuration, with certificates in their place; empty when there is nothing to say. */
async function complaintsOfHaproxy(config: string): Promise<string> {
  const path = join(files, "haproxy.cfg");
  const placed = config
    .replaceAll("/etc/haproxy/k3s-ha/health.pem", join(files, "health.pem"))
    .replaceAll("/etc/haproxy/k3s-ha/server-ca.crt", join(files, "ca.crt"));
  await writeFile(path, placed);
  const { exitCode, all } = await execa(programPath("haproxy"), ["-c", "-f", path], { reject: false, all: true });
  return exitCode === 0 && !/WARNING|ALERT/.test(all) ? "" : all;
}

/** What real keepalived says of a configuration, on an interface that there is. */
async function complaintsOfKeepalived(config: string): Promise<string> {
  return inTemporaryDirectory(async (directory) => {
    const path = join(directory, "keepalived.conf");
    const script = config.replaceAll(/script "[^" ]+/g, 'script "/bin/true');
    await writeFile(path, `$INTERFACE=eth9\n${script}`);
    const test = `ip link add eth9 type veth && ${programPath("keepalived")} --config-test --use-file "$1"`;
    const { exitCode, all } = await execa("unshare", [...ownNetwork(), "sh", "-ec", test, "sh", path], {
      reject: false,
      all: true,
    });
    return exitCode === 0 ? all : `exited with ${String(exitCode)}: ${all}`;
  });
}

before(async () => {
  files = await mkdtemp(join(tmpdir(), "k3s-ha-any-"));
  const authority = await makeAuthority(files, "ca");
  const health = await makeCertificate(files, "haproxy-health", authority);
  const pem = await Promise.all([health.certificate, health.key].map((path) => readFile(path, "utf8")));
  await writeFile(join(files, "health.pem"), pem.join(""));
  await copyFile(authority.certificate, join(files, "ca.crt"));
});

after(() => rm(files, { recursive: true }));

async function judge(of: Meant, deployment: Deployment<unknown>): Promise<void> {
  // What the engine would end the run with: mocks do not.
  const urns = deployment.resources.map(({ type, name: resource, parent }) => {
    const parentType = deployment.resources.find((other) => other.name === parent && !other.custom)?.type ?? "";
    return `${parentType}$${type}::${resource}`;
  });
  assert.deepEqual(urns.toSorted(), [...new Set(urns)].toSorted());

  const placed = await filesByAddress(deployment);
  const textOf = ({ name: host, address }: Host, path: string) => {
    const file = placed.get(address)?.find((each) => each.path === path);
    assert.ok(file !== undefined, `${host} gets no ${path}`);
    return file.content.toString();
  };

  for (const balancer of of.balancers) {
    const config = textOf(balancer, "/etc/haproxy/k3s-ha/haproxy.cfg");
    assert.equal(await complaintsOfHaproxy(config), "");
    const lines = config.split("\n").map((line) => line.trim());
    const servers = of.servers.map(
      ({ name: server, nodeAddress }) => `server ${server} ${bracketed(nodeAddress)}:6443`,
    );
    for (const backend of ["servers", "alive"]) {
      const section = lines.slice(lines.indexOf(`backend ${backend}`) + 1);
      const end = section.findIndex((line) => line.startsWith("backend ") || line.startsWith("frontend "));
      const listed = section.slice(0, end).filter((line) => line.startsWith("server "));
      assert.deepEqual(listed.toSorted(), servers.toSorted(), backend);
    }
    const everywhere = balancer.nodeAddress.includes(":")
      ? `bind :::${of.balancer.port} v4v6`
      : `bind :${of.balancer.port}`;
    for (const line of [
      everywhere,
      `maxconn ${of.balancer.maxConnections}`,
      `timeout tunnel ${of.balancer.idleSeconds}s`,
    ])
      assert.ok(lines.includes(line), line);
    if (of.virtualIp === undefined) continue;
    const keepalived = textOf(balancer, "/etc/keepalived/k3s-ha/keepalived.conf");
    assert.equal(await complaintsOfKeepalived(keepalived), "");
    assert.ok(keepalived.includes(of.virtualIp));
  }

  const api = of.virtualIp ?? of.balancers[0]?.nodeAddress ?? "";
  for (const server of of.servers) {
    const { "tls-san": names, ...config } = parseYaml(textOf(server, "/etc/rancher/k3s/config.yaml")) as {
      "tls-san": string[];
    };
    assert.deepEqual(config, {
      "node-name": server.name,
      "node-ip": server.nodeAddress,
      "secrets-encryption": true,
      "write-kubeconfig-mode": "0600",
      "datastore-cafile": "/etc/rancher/k3s/datastore-ca.crt",
      ...of.serverConfig,
      ...Object.fromEntries(
        ["kube-controller-manager-arg", "kube-scheduler-arg", "kube-cloud-controller-manager-arg"].map((key) => [
          key,
          [
            "leader-elect-lease-duration=45s",
            "leader-elect-renew-deadline=40s",
            ...[of.serverConfig[key] ?? []].flat(),
          ],
        ]),
      ),
    });
    assert.deepEqual(
      [...names].toSorted(),
      [
        ...(of.virtualIp === undefined ? [] : [of.virtualIp]),
        ...of.balancers.map(({ nodeAddress }) => nodeAddress),
        ...of.balancer.names,
      ].toSorted(),
    );
    const secrets = parseYaml(textOf(server, "/etc/rancher/k3s/config.yaml.d/90-k3s-ha-secrets.yaml")) as Record<
      string,
      string
    >;
    assert.deepEqual(driverReads(secrets["datastore-endpoint"] ?? ""), {
      user: "k3s",
      password: of.password ?? "datastore-k3s-password-result",
      address: addressOfDatabase(of),
      database: of.managed.database,
      parameters: undefined,
    });
  }
  for (const { hosts, labels: nodeLabels, taints } of Object.values(of.pools)) {
    for (const agent of hosts) {
      assert.deepEqual(parseYaml(textOf(agent, "/etc/rancher/k3s/config.yaml")), {
        "node-name": agent.name,
        "node-ip": agent.nodeAddress,
        server: `https://${bracketed(api)}:${of.balancer.port}`,
        ...(Object.keys(nodeLabels).length === 0
          ? {}
          : { "node-label": Object.entries(nodeLabels).map(([key, each]) => `${key}=${each}`) }),
        ...(taints.length === 0 ? {} : { "node-taint": taints }),
        ...of.agentConfig,
      });
    }
  }
  for (const files of placed.values()) await judgeUnits(files);
}

const understood = new Set<string>();

/** Lets systemd check a host's units, except those that it has already checked. */
async function judgeUnits(files: readonly WrittenFile[]): Promise<void> {
  const units = unitsAmong(files);
  const seen = JSON.stringify(
    files
      .filter(({ path }) => units.some((unit) => path.endsWith(`/${unit}`)))
      .map(({ path, content }) => [path, content.toString()]),
  );
  if (understood.has(seen)) return;
  assert.equal(await complaintsAboutUnits(files), "");
  understood.add(seen);
}

it("whatever configuration is accepted, every host gets what was meant, and the real programs take it", async () => {
  let accepted = 0;
  let refused = 0;
  // What has begun is finished; after that time nothing else begins.
  const deadline = performance.now() + Number(process.env["SECONDS"] ?? 20) * 1000;
  await fc.assert(
    fc.asyncProperty(meant, async (of) => {
      if (performance.now() > deadline) return;
      const config = written(of);
      if (problemsOf(config).length > 0) {
        refused++;
        return;
      }
      accepted++;
      const deployment = await deployProgram(
        Object.fromEntries(Object.entries(config).map(([key, each]) => [`k3s-ha:${key}`, each as object | string])),
      );
      await judge(of, deployment);
    }),
    { numRuns: Number(process.env["RUNS"] ?? 20) },
  );
  console.log(`${accepted} configurations were accepted and judged, ${refused} refused`);
  assert.ok(accepted > 0);
});
