// Proves that K3sCluster makes what the program makes, resource by resource, that it gives out a cluster's contract, and what
// it adds: login settings that hosts share, and a backup host that is found by its name.
import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import { K3sCluster } from "../../components/cluster.ts";
import type { K3sClusterArgs } from "../../components/clusterArgs.ts";
import { loadSettings } from "../../components/config/loadSettings.ts";
import type { Settings } from "../../components/config/settings.ts";
import { contract, secretOutputs } from "../../components/contract/contract.ts";
import { caFileVariable } from "../../components/datastore/existing/existingDatastore.ts";
import { ageRecipient } from "../config/stack.ts";
import { commandsOf, deploy, type Deployment, type Registered, resourceNamed } from "../support/deploy.ts";
import { assertRegistersItsFields, valueOf } from "../support/outputs.ts";
import { deployConfigured, deployProgram, sampleConfig } from "../support/program.ts";
import { sampleHost, sampleSshKey } from "../support/sampleHosts.ts";
import { isSecret, reveal } from "../support/wire.ts";

const name = "whole";

/** The cluster that a stack of the program has, as arguments. */
function argsOf({
  servers,
  agentPools,
  loadBalancer,
  datastore,
  backup,
  k3s,
  proxy,
  safety,
  hosts,
}: Settings): K3sClusterArgs {
  const { agentRelease, ...settings } = k3s;
  return {
    servers,
    agentPools,
    loadBalancer,
    datastore: { ...datastore, protect: safety.protectDatastore },
    backup: backup && {
      ...backup,
      drillRequired: safety.production,
      host: hosts[backup.hostName]?.role === "backup" ? backup.host : undefined,
    },
    proxy,
    k3s: { ...settings, agentVersion: agentRelease.version },
  };
}

/** A text with the names that the program gives. */
function asInProgram(text: string): string {
  return text.replaceAll(`${name}-identity`, "cluster").replaceAll(`${name}-`, "");
}

/** What tells a resource from another one, with names as in the program, and without its place in the order of events. */
function described(resource: Registered): Registered {
  const parent = resource.parent === name ? undefined : resource.parent;
  const renamed = JSON.parse(asInProgram(JSON.stringify({ ...resource, parent }))) as Registered;
  return { ...renamed, dependencies: renamed.dependencies.toSorted(), started: 0, ended: 0 };
}

function resourcesOf({ resources }: Deployment<unknown>): Registered[] {
  return resources
    .filter(({ type }) => type !== "k3s-ha:index:K3sCluster")
    .map(described)
    .toSorted((a, b) => (`${a.type} ${a.name}` < `${b.type} ${b.name}` ? -1 : 1));
}

const hostKey = sampleHost(1).hostKey;
const configurations: Readonly<Record<string, Readonly<Record<string, object | string>>>> = {
  "a managed datastore, and backups": sampleConfig,
  "an existing MySQL, and backups on a host of their own": {
    ...sampleConfig,
    "k3s-ha:datastore": {
      existing: {
        engine: "mysql",
        address: "db.example.com",
        adminUser: "admin",
        caFile: "examples/database-ca.pem",
      },
    },
    "k3s-ha:datastoreAdminPassword": "hunter2",
    "k3s-ha:backup": {
      dedicated: { name: "backup-1", host: { address: "198.51.100.60", hostKey } },
      recipients: [ageRecipient],
    },
  },
  "a PostgreSQL, and no backups": {
    ...sampleConfig,
    "k3s-ha:datastore": { endpoint: { caFile: "examples/database-ca.pem" }, movingFrom: "198.51.100.20:3306/k3s" },
    "k3s-ha:datastoreEndpoint": "postgres://k3s:hunter2@db.example.com/k3s",
  },
  "roles that share the hosts of servers": {
    ...sampleConfig,
    "k3s-ha:loadBalancer": {
      onServers: { "lb-1": "server-1", "lb-2": "server-2" },
      virtualIp: { address: "198.51.100.100" },
      port: 7443,
    },
    "k3s-ha:datastore": { managed: { name: "db-1", onServer: "server-2" } },
  },
  "an external load balancer": {
    ...sampleConfig,
    "k3s-ha:loadBalancer": { external: { address: "k8s.example.com", port: 443 }, names: ["10.0.0.9"] },
  },
  "agents of an older release, a lost server, and another value of every setting": {
    ...sampleConfig,
    "k3s-ha:servers": {
      ...sampleConfig["k3s-ha:servers"],
      "server-3": { address: "198.51.100.13", hostKey, lost: true },
      "server-4": {
        address: "198.51.100.14",
        hostKey,
        labels: { a: "b" },
        taints: ["a=b:NoExecute"],
        config: { "node-external-ip": "203.0.113.14" },
      },
    },
    "k3s-ha:agentPools": {
      workers: { ...sampleConfig["k3s-ha:agentPools"].workers, labels: { a: "b" }, waveWidth: 1, drainSeconds: 60 },
    },
    "k3s-ha:loadBalancer": {
      ...sampleConfig["k3s-ha:loadBalancer"],
      virtualIp: { address: "198.51.100.100", interface: "ens3", notify: "/usr/local/sbin/move-address" },
      port: 7443,
      maxConnections: 500,
      idleSeconds: 600,
      statsAddresses: { "lb-1": "198.51.100.30" },
      statsPort: 9404,
      certificateRotation: "2027",
      certificateHours: 1000,
    },
    "k3s-ha:datastore": {
      managed: {
        ...sampleConfig["k3s-ha:datastore"].managed,
        port: 3307,
        database: "cluster",
        certificateRotation: "2027",
        bufferPoolMebibytes: 512,
        firewall: false,
        startsEmpty: true,
      },
      connectionsPerServer: 30,
      movingFrom: "198.51.100.21:3306/k3s",
    },
    "k3s-ha:k3s": {
      version: "v1.35.0+k3s3",
      mirror: "https://mirror.example.com/k3s",
      sha256: "a".repeat(64),
      agentVersion: "v1.35.0+k3s1",
      goingBackFrom: "v1.36.0+k3s1",
      serverConfig: { disable: ["traefik"], "flannel-external-ip": true },
      agentConfig: { "kubelet-arg": ["max-pods=50"] },
      certificateRotation: "2027",
      network: "own",
      manifests: ["examples/namespace.yaml"],
      images: [{ source: "/srv/images.tar.zst", sha256: "b".repeat(64), architecture: "arm64" }],
      registries: { mirrors: { "docker.io": { endpoint: ["https://registry.example.com"] } } },
      readySeconds: 600,
    },
    "k3s-ha:backup": {
      host: "agent-1",
      schedule: "0 3 * * *",
      keep: 3,
      daily: 2,
      weekly: 1,
      monthly: 0,
      directory: "/srv/backups",
      copy: { remote: { type: "webdav", url: "https://dav.example.com" }, path: "k3s", prune: false },
      metricsDirectory: "/srv/metrics",
      onFailure: "logger",
      drill: { schedule: "0 4 * * *", afterBackup: true },
      beforeChanges: false,
    },
    "k3s-ha:proxy": { http: "http://proxy.example.com:3128", noProxy: ["example.com"] },
    "k3s-ha:safety": { production: true },
  },
};

describe("K3sCluster makes what the program makes", () => {
  // Where the mysql plugin would find the CA of an existing MySQL.
  process.env[caFileVariable] = join(import.meta.dirname, "../../examples/database-ca.pem");
  for (const [title, config] of Object.entries(configurations)) {
    it(`with ${title}`, async () => {
      const program = await deployProgram(config);
      const cluster = await deployConfigured(async () => new K3sCluster(name, argsOf(await loadSettings())), config, {
        madeAs: asInProgram,
      });
      assert.ok(program.resources.length > 40, String(program.resources.length));
      assert.deepEqual(resourcesOf(cluster), resourcesOf(program));
      assert.deepEqual(
        cluster.resources.filter(({ parent }) => parent === undefined).map((resource) => resource.name),
        [name],
      );
    });
  }
});

const small = {
  servers: { "server-1": sampleHost(11), "server-2": sampleHost(12) },
  loadBalancer: { hosts: { "lb-1": sampleHost(30) } },
  datastore: { managed: { hostName: "db-1", host: sampleHost(20) } },
  k3s: { version: "v1.35.0+k3s1" },
} as const satisfies K3sClusterArgs;

describe("K3sCluster", () => {
  it("gives out the contract of a cluster, and keeps its secrets", async () => {
    const deployment = await deploy(() => new K3sCluster(name, { ...small, backup: {} }));
    const { result } = deployment;
    assertRegistersItsFields(deployment, name, result);
    const outputs = resourceNamed(deployment, name).outputs ?? {};
    assert.deepEqual(Object.keys(outputs).toSorted(), Object.keys(contract).toSorted());
    for (const [output, schema] of Object.entries(contract)) {
      assert.equal(isSecret(outputs[output]), (secretOutputs as readonly string[]).includes(output), output);
      assert.equal(schema.safeParse(reveal(outputs[output])).error, undefined, output);
    }
    assert.equal(await valueOf(result.apiEndpoint), "https://198.51.100.30:6443");
    assert.equal((await valueOf(result.backup)).hostName, "db-1");
    assert.match(await valueOf(result.kubeconfig), /"current-context": "whole"/);
  });

  it("logs in to every host as the hosts have in common, unless a host says otherwise", async () => {
    const { privateKey, ...keyless } = sampleHost(11, { user: "admin" });
    const bastion = { address: "198.51.100.2", hostKey };
    const { address } = sampleHost(12);
    const deployment = await deploy(
      () =>
        new K3sCluster(name, {
          ...small,
          ssh: { user: "deploy", port: 2222, privateKey, bastion },
          servers: { "server-1": keyless, "server-2": { address, hostKey } },
        }),
    );
    const logins = new Set(
      commandsOf(deployment).map(({ inputs }) => {
        const connection = reveal(inputs["connection"]) as Record<string, unknown>;
        assert.equal(connection["privateKey"], sampleSshKey);
        const { host } = connection["proxy"] as Record<string, unknown>;
        return `${String(connection["user"])}@${String(connection["host"])}:${String(connection["port"])} by ${String(host)}`;
      }),
    );
    assert.deepEqual([...logins].toSorted(), [
      "admin@198.51.100.11:2222 by 198.51.100.2",
      "deploy@198.51.100.12:2222 by 198.51.100.2",
      "deploy@198.51.100.20:2222 by 198.51.100.2",
      "deploy@198.51.100.30:2222 by 198.51.100.2",
    ]);
  });

  it("stands beside another one in the same program", async () => {
    const { resources } = await deploy(() => {
      new K3sCluster("one", small);
      new K3sCluster("two", small);
    });
    const names = resources.map((resource) => `${resource.type} ${resource.name}`);
    assert.equal(new Set(names).size, names.length);
  });

  it("takes backups on the host of the cluster that is named", async () => {
    const deployment = await deploy(() => new K3sCluster(name, { ...small, backup: { hostName: "server-2" } }));
    const { host } = reveal(resourceNamed(deployment, `${name}-backup-timer`).inputs["connection"]) as { host: string };
    assert.equal(host, "198.51.100.12");
  });

  const refusals: readonly [string, Partial<K3sClusterArgs>, RegExp][] = [
    [
      "two hosts of one name",
      { agentPools: { a: { hosts: { "lb-1": sampleHost(41) } } } },
      /whole\.agentPools\.a\.hosts\.lb-1/,
    ],
    [
      "backups on a host that it does not know",
      { backup: { hostName: "nas" } },
      /names nas, which is no host of the cluster/,
    ],
    [
      "backups of a datastore elsewhere without a host",
      { datastore: { endpoint: { engine: "mysql", endpoint: "mysql://", caCertificate: "" } }, backup: {} },
      /has no host of its own that could take the backups/,
    ],
    [
      "backups of a datastore that has none",
      {
        datastore: { endpoint: { engine: "etcd", endpoint: "https://etcd-1:2379", caCertificate: "" } },
        backup: { hostName: "server-1" },
      },
      /cannot be backed up by BackupCron/,
    ],
    [
      "two datastores",
      {
        datastore: {
          managed: { hostName: "db-1", host: sampleHost(20) },
          endpoint: { engine: "etcd", endpoint: "https://etcd-1:2379", caCertificate: "" },
        },
      },
      /exactly one of managed, existing, endpoint, embedded has to be there/,
    ],
  ];
  for (const [title, args, message] of refusals) {
    it(`refuses ${title}`, async () => {
      await assert.rejects(
        deploy(() => new K3sCluster(name, { ...small, ...args })),
        (error: Error) => {
          assert.match(JSON.stringify(error), message);
          return true;
        },
      );
    });
  }
});
