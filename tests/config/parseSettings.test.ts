// Proves what a valid configuration becomes. It does not prove that Pulumi hands it over so: loadSettings.test.ts does
// for the SDK, and a preview of the stacks for the engine.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import { parseSettings } from "../../components/config/parseSettings.ts";
import { ageRecipient, directoryWith, hostKey, parse, publicKey, smallStack, valuesOf } from "./stack.ts";
import { exampleCa } from "./exampleCa.ts";

const privateKey = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";

/** How long connections and steps may take unless told otherwise. */
const limits = { connectSeconds: 10, commandSeconds: 600 };

/** What an output holds; resolves without an engine. */
async function valueOf<T>(output: pulumi.Input<T> | undefined): Promise<unknown> {
  return new Promise((resolve) => {
    pulumi.output(output).apply(resolve);
  });
}

describe("parseSettings", () => {
  it("fills in every default", () => {
    const { settings, warnings } = parse(smallStack);
    const host = (address: string) => ({ address, port: 22, user: "root", hostKey, ...limits });
    const [server1, server2] = [host("198.51.100.11"), host("198.51.100.12")];
    const [balancer, database] = [host("198.51.100.30"), host("198.51.100.20")];
    assert.deepEqual(settings, {
      servers: { "server-1": server1, "server-2": server2 },
      agentPools: {},
      loadBalancer: {
        hosts: { "lb-1": balancer },
        virtualIp: undefined,
        external: undefined,
        port: 6443,
        names: [],
        maxConnections: 4000,
        idleSeconds: 86_400,
        statsAddresses: {},
        certificateHours: 87_660,
        statsPort: 8404,
      },
      datastore: {
        managed: {
          engine: "mariadb",
          hostName: "db-1",
          host: database,
          port: 3306,
          database: "k3s",
          firewall: true,
          startsEmpty: false,
        },
        connectionsPerServer: 60,
        movingFrom: undefined,
      },
      backup: {
        host: database,
        hostName: "db-1",
        lostHosts: {},
        schedule: "17 * * * *",
        keep: 48,
        daily: 7,
        weekly: 4,
        monthly: 6,
        directory: "/var/backups/k3s-ha",
        recipients: [ageRecipient],
        copy: undefined,
        metricsDirectory: undefined,
        drill: undefined,
        drillIdentity: undefined,
        onFailure: undefined,
        failureWebhook: undefined,
        beforeChanges: true,
      },
      k3s: {
        version: "v1.35.0+k3s1",
        mirror: "https://github.com/k3s-io/k3s/releases/download",
        trustMirror: false,
        sha256: undefined,
        agentRelease: {
          version: "v1.35.0+k3s1",
          mirror: "https://github.com/k3s-io/k3s/releases/download",
          sha256: undefined,
          binary: undefined,
          images: [],
          registries: undefined,
        },
        goingBackFrom: undefined,
        binary: undefined,
        images: [],
        network: "flannel",
        manifests: undefined,
        files: [],
        hardened: false,
        registries: undefined,
        serverConfig: {},
        agentConfig: {},
        readySeconds: 240,
      },
      proxy: undefined,
      safety: { production: false, protectDatastore: false },
      hosts: {
        "server-1": { host: server1, path: "k3s-ha:servers.server-1", role: "server" },
        "server-2": { host: server2, path: "k3s-ha:servers.server-2", role: "server" },
        "lb-1": { host: balancer, path: "k3s-ha:loadBalancer.hosts.lb-1", role: "loadBalancer" },
        "db-1": { host: database, path: "k3s-ha:datastore.managed.host", role: "datastore" },
      },
    });
    assert.deepEqual(warnings, []);
  });

  it("gives the same object for a host under its role and under hosts", () => {
    const { settings } = parse({
      ...smallStack,
      agentPools: { workers: { hosts: { "agent-1": { address: "198.51.100.41", hostKey } } } },
    });
    assert.equal(settings.hosts["server-1"]?.host, settings.servers["server-1"]);
    assert.equal(settings.hosts["agent-1"]?.host, settings.agentPools["workers"]?.hosts["agent-1"]);
    assert.equal(settings.hosts["agent-1"]?.path, "k3s-ha:agentPools.workers.hosts.agent-1");
    assert.equal(settings.hosts["lb-1"]?.host, settings.loadBalancer.hosts["lb-1"]);
    const { managed } = settings.datastore;
    assert.ok(managed?.engine === "mariadb");
    assert.equal(settings.hosts["db-1"]?.host, managed.host);
  });

  it("protects the datastore of a production stack, unless told otherwise", () => {
    const safetyOf = (safety: object) => parse({ ...smallStack, safety }).settings.safety;
    assert.deepEqual(safetyOf({ production: true }), { production: true, protectDatastore: true });
    const unprotected = { production: true, protectDatastore: false };
    assert.deepEqual(safetyOf(unprotected), unprotected);
    assert.deepEqual(safetyOf({ protectDatastore: true }), { production: false, protectDatastore: true });
  });

  it("keeps everything that is set", async () => {
    const { settings } = parse({
      ...smallStack,
      agentPools: {
        edge: {
          hosts: { "agent-1": { address: "198.51.100.41", hostKey } },
          labels: { "example.com/tier": "edge", "topology.kubernetes.io/zone": "a", plain: "" },
          taints: ["dedicated=edge:NoSchedule", "example.com/spot:PreferNoSchedule"],
          waveWidth: 3,
        },
      },
      loadBalancer: { ...(smallStack["loadBalancer"] as object), port: 443, names: ["k8s.example.com", "2001:db8::1"] },
      backup: {
        dedicated: { name: "backup-1", host: { address: "198.51.100.60", hostKey } },
        schedule: "0 3 * * MON-FRI",
        keep: 1,
        daily: 2,
        weekly: 3,
        monthly: 0,
        directory: "/srv/backups",
        recipients: [],
        copy: {
          remote: { type: "s3", endpoint: "https://s3.example.com", upload_concurrency: 2, acl: false },
          path: "bucket/k3s",
          prune: false,
        },
        metricsDirectory: "/srv/metrics",
        onFailure: "logger backup failed",
        drill: { afterBackup: true },
        beforeChanges: false,
      },
      backupCopyCredentials: "secret_access_key = hunter2\n",
      backupFailureWebhook: "https://chat.example.com/hooks/hunter2",
      k3s: {
        version: "v1.35.0-rc1+k3s1",
        mirror: "http://198.51.100.1:8080",
        trustMirror: true,
        sha256: "0123456789abcdef".repeat(4),
        serverConfig: { disable: ["traefik"], "kube-apiserver-arg+": ["v=2"], debug: true },
        agentConfig: { snapshotter: "native" },
        agentVersion: "v1.34.3+k3s1",
        goingBackFrom: "v1.35.1+k3s1",
        readySeconds: 600,
      },
    });
    assert.deepEqual(settings.agentPools["edge"]?.labels, {
      "example.com/tier": "edge",
      "topology.kubernetes.io/zone": "a",
      plain: "",
    });
    assert.deepEqual(settings.agentPools["edge"].taints, [
      "dedicated=edge:NoSchedule",
      "example.com/spot:PreferNoSchedule",
    ]);
    assert.equal(settings.agentPools["edge"].waveWidth, 3);
    assert.equal(settings.loadBalancer.port, 443);
    assert.deepEqual(settings.loadBalancer.names, ["k8s.example.com", "2001:db8::1"]);
    assert.ok(settings.backup !== undefined);
    const { failureWebhook, copy, ...backup } = settings.backup;
    assert.deepEqual(backup, {
      host: settings.hosts["backup-1"]?.host,
      hostName: "backup-1",
      lostHosts: {},
      schedule: "0 3 * * MON-FRI",
      keep: 1,
      daily: 2,
      weekly: 3,
      monthly: 0,
      directory: "/srv/backups",
      recipients: [],
      metricsDirectory: "/srv/metrics",
      onFailure: "logger backup failed",
      drill: { schedule: "47 4 * * *", afterBackup: true },
      drillIdentity: undefined,
      beforeChanges: false,
    });
    assert.deepEqual(settings.hosts["backup-1"]?.role, "backup");
    assert.equal(await valueOf(failureWebhook), "https://chat.example.com/hooks/hunter2");
    assert.equal(await pulumi.isSecret(failureWebhook as pulumi.Output<string>), true);
    assert.deepEqual(copy && { ...copy, credentials: await valueOf(copy.credentials) }, {
      remote: { type: "s3", endpoint: "https://s3.example.com", upload_concurrency: "2", acl: "false" },
      credentials: "secret_access_key = hunter2",
      hostKeys: [],
      path: "bucket/k3s",
      prune: false,
    });
    assert.equal(await pulumi.isSecret(copy?.credentials as pulumi.Output<string>), true);
    assert.deepEqual(settings.k3s, {
      binary: undefined,
      images: [],
      network: "flannel",
      manifests: undefined,
      files: [],
      hardened: false,
      registries: undefined,
      version: "v1.35.0-rc1+k3s1",
      trustMirror: true,
      mirror: "http://198.51.100.1:8080",
      sha256: "0123456789abcdef".repeat(4),
      serverConfig: { disable: ["traefik"], "kube-apiserver-arg+": ["v=2"], debug: true },
      agentConfig: { snapshotter: "native" },
      agentRelease: {
        version: "v1.34.3+k3s1",
        mirror: "http://198.51.100.1:8080",
        sha256: undefined,
        binary: undefined,
        images: [],
        registries: undefined,
      },
      goingBackFrom: "v1.35.1+k3s1",
      readySeconds: 600,
    });
  });

  it("orders hosts by their names as people count, however Pulumi hands them over", () => {
    const server = (last: number) => ({ address: `198.51.100.${last}`, hostKey });
    const { settings } = parse({
      ...smallStack,
      servers: { "server-10": server(110), "server-2": server(102), "server-1": server(101) },
    });
    assert.deepEqual(Object.keys(settings.servers), ["server-1", "server-2", "server-10"]);
  });

  it("lets what others left on a host be replaced only where its entry says so", () => {
    const { settings } = parse({
      ...smallStack,
      servers: {
        "server-1": { address: "198.51.100.11", hostKey, adopt: true },
        "server-2": { address: "198.51.100.12", hostKey },
      },
    });
    assert.deepEqual(
      Object.values(settings.servers).map(({ adopt }) => adopt),
      [true, undefined],
    );
  });

  it("lets a host override what holds for all hosts", async (test) => {
    const projectDirectory = directoryWith(test, { all: privateKey, own: privateKey.replace("AAAA", "BBBB") });
    const { settings } = parse(
      {
        ...smallStack,
        ssh: { user: "deploy", port: 2022, privateKeyFile: "all" },
        servers: {
          "server-1": {
            address: "server-1.example.com",
            nodeAddress: "198.51.100.11",
            user: "root",
            port: 22,
            privateKeyFile: "own",
            hostKey: `${hostKey} root@server-1`,
          },
          "server-2": { address: "198.51.100.12", hostKey },
        },
      },
      { projectDirectory },
    );
    const { "server-1": own, "server-2": all } = settings.servers;
    assert.deepEqual(
      { ...own, privateKey: await valueOf(own?.privateKey) },
      {
        address: "server-1.example.com",
        nodeAddress: "198.51.100.11",
        user: "root",
        port: 22,
        hostKey,
        privateKey: privateKey.replace("AAAA", "BBBB"),
        ...limits,
      },
    );
    assert.deepEqual(
      { ...all, privateKey: await valueOf(all?.privateKey) },
      { address: "198.51.100.12", user: "deploy", port: 2022, hostKey, privateKey, ...limits },
    );
  });

  it("reaches hosts through a bastion, each through its own before that of all, and the bastion directly", async (test) => {
    const projectDirectory = directoryWith(test, {
      key: privateKey,
      known_hosts: `203.0.113.9 ${publicKey("ssh-ed25519", 9)}`,
    });
    const own = { address: "203.0.113.8", port: 2022, user: "jump", hostKey, privateKeyFile: "key" };
    const { settings } = parse(
      {
        ...smallStack,
        ssh: {
          user: "deploy",
          knownHostsFile: "known_hosts",
          bastion: { address: "203.0.113.9" },
          connectSeconds: 3,
          commandSeconds: 900,
        },
        servers: {
          "server-1": { address: "198.51.100.11", hostKey },
          "server-2": { address: "198.51.100.12", hostKey, bastion: own },
        },
        loadBalancer: { hosts: { "lb-1": { address: "203.0.113.9", nodeAddress: "198.51.100.30" } } },
      },
      { projectDirectory },
    );
    const { "server-1": first, "server-2": second } = settings.servers;
    assert.deepEqual(first?.bastion, {
      address: "203.0.113.9",
      port: 22,
      user: "deploy",
      hostKey: publicKey("ssh-ed25519", 9),
    });
    assert.deepEqual(
      { ...second?.bastion, privateKey: await valueOf(second?.bastion?.privateKey) },
      { address: "203.0.113.8", port: 2022, user: "jump", hostKey, privateKey },
    );
    assert.equal(settings.loadBalancer.hosts["lb-1"]?.bastion, undefined);
    assert.deepEqual([first.connectSeconds, first.commandSeconds], [3, 900]);
  });

  it("marks private keys secret, from a file and from the configuration", async (test) => {
    const projectDirectory = directoryWith(test, { key: privateKey });
    const fromFile = parse({ ...smallStack, ssh: { privateKeyFile: "key" } }, { projectDirectory });
    const fromText = parse({ ...smallStack, sshPrivateKey: privateKey.trimEnd() });
    for (const { settings } of [fromFile, fromText]) {
      for (const { host } of Object.values(settings.hosts)) {
        assert.ok(pulumi.Output.isInstance(host.privateKey));
        assert.ok(await pulumi.isSecret(pulumi.output(host.privateKey)));
        // A secret store that trimmed the last line break did no harm.
        assert.equal(await valueOf(host.privateKey), privateKey);
      }
    }
  });

  it("puts logins to registries into what K3s reads, secret", async () => {
    const { settings } = parse({
      ...smallStack,
      k3s: {
        version: "v1.35.0+k3s1",
        registries: {
          mirrors: { "docker.io": { endpoint: ["https://registry.example.com"], rewrite: { "^(.*)": "hub/$1" } } },
          configs: { "registry.example.com": { tls: { ca_file: "/etc/ssl/registry.pem" } } },
        },
      },
      registryCredentials: JSON.stringify({ "registry.example.com": { username: "me", password: "hunter2" } }),
    });
    assert.ok(await pulumi.isSecret(pulumi.output(settings.k3s.registries)));
    assert.deepEqual(await valueOf(settings.k3s.registries), {
      mirrors: { "docker.io": { endpoint: ["https://registry.example.com"], rewrite: { "^(.*)": "hub/$1" } } },
      configs: {
        "registry.example.com": {
          tls: { ca_file: "/etc/ssl/registry.pem" },
          auth: { username: "me", password: "hunter2" },
        },
      },
    });
  });

  it("takes a mirror with nothing after its colon, as in K3s's documentation of the embedded registry", async () => {
    const mirrors = { "docker.io": null, "*": {} };
    const { settings } = parse({
      ...smallStack,
      k3s: { version: "v1.35.0+k3s1", serverConfig: { "embedded-registry": true }, registries: { mirrors } },
    });
    const empty = { endpoint: [], rewrite: {} };
    assert.deepEqual(await valueOf(settings.k3s.registries), {
      mirrors: { "docker.io": empty, "*": empty },
      configs: {},
    });
  });

  it("takes a binary and images that are on the nodes", () => {
    const sha256 = "0123456789abcdef".repeat(4);
    const images = [
      { source: "k3s-airgap-images-amd64.tar.zst", sha256 },
      { source: "https://mirror.example.com/more.tar.gz", sha256 },
      { source: "/srv/own.tar", sha256 },
    ];
    const k3s = { version: "v1.35.0+k3s1", binary: "/srv/k3s", sha256, images, mirror: "http://198.51.100.1" };
    const { settings } = parse({ ...smallStack, k3s });
    assert.deepEqual([settings.k3s.binary, settings.k3s.images], ["/srv/k3s", images]);
  });

  it("finds a key below the home directory", (test) => {
    const home = directoryWith(test, { key: privateKey });
    const { settings } = parse({ ...smallStack, ssh: { privateKeyFile: "~/key" } }, { environment: { HOME: home } });
    assert.notEqual(settings.servers["server-1"]?.privateKey, undefined);
  });

  it("leaves login to the SSH agent when there is no key", () => {
    const { settings } = parse(smallStack, { environment: { SSH_AUTH_SOCK: "/run/agent" } });
    assert.equal(settings.servers["server-1"]?.privateKey, undefined);
  });

  it("needs no agent when every host has its own key", (test) => {
    const projectDirectory = directoryWith(test, { key: privateKey });
    const withKey = (address: string) => ({ address, hostKey, privateKeyFile: "key" });
    const config = {
      ...smallStack,
      servers: { "server-1": withKey("198.51.100.11"), "server-2": withKey("198.51.100.12") },
      loadBalancer: { hosts: { "lb-1": withKey("198.51.100.30") } },
      datastore: { managed: { name: "db-1", host: withKey("198.51.100.20") } },
    };
    assert.deepEqual(Object.keys(parse(config, { projectDirectory, environment: {} }).settings.hosts).length, 4);
  });

  it("takes host keys from the file of known hosts, by address and SSH port", (test) => {
    const [ed25519, other, ecdsa] = [
      publicKey("ssh-ed25519", 7),
      publicKey("ssh-ed25519", 8),
      publicKey("ecdsa-sha2-nistp256", 9),
    ];
    const projectDirectory = directoryWith(test, {
      known_hosts: [
        "# known hosts",
        `198.51.100.11,server-1 ${ecdsa}`,
        `198.51.100.11 ${ed25519} root@server-1`,
        `198.51.100.12 ${publicKey("ssh-ed25519", 99)}`,
        `[198.51.100.12]:2022 ${other}`,
      ].join("\n"),
    });
    const { settings } = parse(
      {
        ...smallStack,
        ssh: { knownHostsFile: "known_hosts" },
        servers: { "server-1": { address: "198.51.100.11" }, "server-2": { address: "198.51.100.12", port: 2022 } },
      },
      { projectDirectory },
    );
    assert.equal(settings.servers["server-1"]?.hostKey, ed25519);
    assert.equal(settings.servers["server-2"]?.hostKey, other);
    assert.equal(settings.loadBalancer.hosts["lb-1"]?.hostKey, hostKey);
  });

  it("allows one server, with a warning", () => {
    const { warnings } = parse({ ...smallStack, servers: { "server-1": { address: "198.51.100.11", hostKey } } });
    assert.deepEqual(warnings, [
      "k3s-ha:servers has a single server, so the cluster is not highly available: without it the Kubernetes API is down. Add a second server, or a third.",
    ]);
  });

  it("warns of hosts that are known by an RSA key only", () => {
    const servers = {
      "server-1": { address: "198.51.100.11", hostKey },
      "server-2": { address: "198.51.100.12", hostKey: publicKey("ssh-rsa") },
    };
    assert.deepEqual(parse({ ...smallStack, servers }).warnings, [
      "k3s-ha:servers.server-2 has a host key of type ssh-rsa, which newer versions of sshd may not offer. Use the host's ed25519 key.",
    ]);
  });

  it("warns of what is one host's own and is the same for all of a role", () => {
    const own = { "advertise-address": "203.0.113.11", "bind-address": "0.0.0.0", disable: ["traefik"] };
    const k3s = { version: "v1.35.0+k3s1", serverConfig: own, agentConfig: { "node-external-ip": "203.0.113.41" } };
    const agents = (...names: string[]) => ({
      workers: {
        hosts: Object.fromEntries(names.map((name, index) => [name, { address: `198.51.100.4${index}`, hostKey }])),
      },
    });
    assert.deepEqual(parse({ ...smallStack, k3s, agentPools: agents("agent-1", "agent-2") }).warnings, [
      "k3s-ha:k3s.serverConfig.advertise-address is the same for all 2 servers, although it is for a single host. Set it in each host's entry, such as k3s-ha:servers.server-1.config.advertise-address.",
      "k3s-ha:k3s.agentConfig.node-external-ip is the same for all 2 agents, although it is for a single host. Set it in each host's entry, such as k3s-ha:agentPools.workers.hosts.agent-1.config.node-external-ip.",
    ]);
    const ownHost = { address: "198.51.100.41", hostKey, config: { "node-external-ip": "203.0.113.41" } };
    const agentPools = { workers: { hosts: { "agent-1": ownHost } } };
    assert.deepEqual(parse({ ...smallStack, agentPools }).warnings, []);
  });

  it("warns of nodes that wait for a network plugin, unless confirmed", () => {
    const of = (network?: string) =>
      parse({
        ...smallStack,
        k3s: { version: "v1.35.0+k3s1", serverConfig: { "flannel-backend": "none" }, ...(network ? { network } : {}) },
      }).warnings;
    assert.deepEqual(of(), [
      "k3s-ha:k3s.serverConfig.flannel-backend is none, so up waits for nodes that become Ready only when a network plugin of your own runs on them. Set k3s-ha:k3s.network to own: up then does not wait for that.",
    ]);
    assert.deepEqual(of("own"), []);
  });

  it("warns of a datastore without backups", () => {
    const of = (datastoreEndpoint: string, backup?: object) =>
      parse({ ...smallStack, backup, datastore: { endpoint: { caFile: exampleCa } }, datastoreEndpoint }).warnings;
    for (const [what, warnings] of [
      ["PostgreSQL", of("postgres://k3s:hunter2@db.example.com/k3s")],
      // What Pulumi.yaml makes of no section.
      ["PostgreSQL", of("postgres://k3s:hunter2@db.example.com/k3s", {})],
      ["etcd", of("https://etcd-1:2379")],
    ] as const) {
      assert.deepEqual(warnings, [
        `k3s-ha:datastoreEndpoint names ${what}, which this program does not back up. Back it up by its own means, together with the server token.`,
      ]);
    }
  });

  it("warns of users of a database who may log in from anywhere", () => {
    const existing = { engine: "mysql", address: "db.example.com", adminUser: "admin", caFile: exampleCa };
    const config = {
      ...smallStack,
      datastore: { existing: { ...existing, loginFrom: ["203.0.113.%", "%"] } },
      datastoreAdminPassword: "hunter2",
      backup: { ...(smallStack["backup"] as object), host: "server-1" },
    };
    assert.deepEqual(parse(config).warnings, [
      'k3s-ha:datastore.existing.loginFrom has "%", so anyone who reaches the database server and has the password can log in as K3s. List the servers\' addresses or networks.',
    ]);
  });

  it("leaves keys of other namespaces alone", () => {
    const values = { ...valuesOf(smallStack), "pulumi:tags": "{}", "k3s-ha-other:servers": "1" };
    const source = {
      values,
      secretKeys: [],
      projectDirectory: "/nowhere",
      environment: { SSH_AUTH_SOCK: "/run/agent" },
    };
    assert.doesNotThrow(() => parseSettings(source));
  });

  it("takes IPv6 hosts in a cluster with IPv6 networks", () => {
    const host = (address: string) => ({ address, hostKey });
    const { settings } = parse({
      servers: { "server-1": host("2001:db8::11"), "server-2": host("2001:db8::12") },
      loadBalancer: { hosts: { "lb-1": host("2001:db8::30") } },
      datastore: { managed: { name: "db-1", host: host("2001:db8::20") } },
      k3s: {
        version: "v1.35.0+k3s1",
        serverConfig: { "cluster-cidr": "2001:db8:42::/56", "service-cidr": "2001:db8:43::/112" },
      },
    });
    assert.equal(settings.servers["server-1"]?.address, "2001:db8::11");
  });
});
