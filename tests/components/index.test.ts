// Proves the program as a whole under mocks: what it is made of, in which order it acts, what it exports, and that one
// change of the configuration has one effect. That real hosts follow, the sandbox proves.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import { parse } from "yaml";
import { caFileVariable } from "../../components/datastore/existing/existingDatastore.ts";
import { contract } from "../../components/contract/contract.ts";
import { ageRecipient } from "../config/stack.ts";
import { assertSafeCommands, isShown } from "../support/commandRules.ts";
import { commandsOf, commandType, type Deployment, resourceNamed, scriptOf, tree } from "../support/deploy.ts";
import { assertGolden } from "../support/golden.ts";
import { valueOf } from "../support/outputs.ts";
import { deployProgram, hostNameOf, type Program, sampleConfig, sampleHostNames } from "../support/program.ts";
import { sampleHostKey, sampleSshKey } from "../support/sampleHosts.ts";
import { plainTexts, reveal } from "../support/wire.ts";

type Config = Readonly<Record<string, object | string>>;

let deployment: Deployment<Program>;
before(async () => {
  deployment = await deployProgram();
});

describe("the program", () => {
  it("is made of these, named as the architecture is", () => {
    assertGolden("resources.txt", tree(deployment));
  });

  it("acts on every host safely", () => {
    assertSafeCommands(deployment);
    assert.deepEqual([...new Set(commandsOf(deployment).map(hostNameOf))].toSorted(), sampleHostNames);
  });

  it("changes no host before every host was found fit", () => {
    const commands = commandsOf(deployment);
    assert.ok(commands.length > 0);
    for (const { name, changeHooks } of commands) assert.ok(changeHooks.includes("hosts-check"), name);
  });

  it("comes up in the order of the architecture", () => {
    const order = [
      "datastore-preflight",
      "servers-server-1-service",
      "servers-server-2-service",
      "balancer-lb-1-service",
      "balancer-lb-2-service",
      "balancer-lb-1-address",
      "balancer-lb-2-address",
      "workers-agent-1-service",
    ].map((name) => resourceNamed(deployment, name));
    for (const [index, later] of order.slice(1).entries())
      assert.ok(later.started > (order[index]?.ended ?? Infinity), later.name);
    const servers = resourceNamed(deployment, "servers-server-2-service");
    assert.ok(resourceNamed(deployment, "backup-timer").started > servers.ended);
    assert.ok(
      resourceNamed(deployment, "ingress-ingress-1-service").started >
        resourceNamed(deployment, "balancer-lb-2-address").ended,
    );
  });

  it("can be previewed before anything exists", async () => {
    const preview = await deployProgram(sampleConfig, { preview: "first" });
    assert.equal(tree(preview), tree(deployment));
    const shown = commandsOf(preview).filter(isShown);
    for (const { parent } of shown) assert.notEqual(parent, undefined);
    // What is placed needs no more than the configuration for these.
    const kinds = new Set(shown.map(({ name }) => name.split("-").at(-1)));
    assert.ok(kinds.has("release") && kinds.has("packages"));
  });

  it("requests exactly the same when nothing has changed", async () => {
    const again = await deployProgram();
    assert.deepEqual(changes(deployment, again), { changed: [], added: [], removed: [] });
    const preview = await deployProgram(sampleConfig, { preview: "again" });
    assert.deepEqual(changes(deployment, preview), { changed: [], added: [], removed: [] });
  });
});

describe("the exports", () => {
  const exported = () => deployment.result as Readonly<Record<string, pulumi.Input<unknown>>>;

  it("are the stack's contract", () => {
    assert.deepEqual(Object.keys(exported()).toSorted(), [
      "agentAddresses",
      "apiEndpoint",
      "backup",
      "clusterCaCertificate",
      "contractVersion",
      "datastoreCaCertificate",
      "datastoreEndpoint",
      "joinToken",
      "k3sVersion",
      "kubeconfig",
      "loadBalancerAddresses",
      "serverAddresses",
    ]);
  });

  it("tell where everything is", async () => {
    const { result } = deployment;
    assert.equal(result.contractVersion, 1);
    assert.equal(await valueOf(result.apiEndpoint), "https://198.51.100.100:6443");
    assert.deepEqual(await valueOf(result.serverAddresses), {
      "server-1": "198.51.100.11",
      "server-2": "198.51.100.12",
    });
    assert.deepEqual(await valueOf(result.agentAddresses), {
      "agent-1": "198.51.100.41",
      "agent-2": "198.51.100.42",
      "ingress-1": "198.51.100.51",
    });
    assert.deepEqual(await valueOf(result.loadBalancerAddresses), { "lb-1": "198.51.100.30", "lb-2": "198.51.100.31" });
    assert.equal(await valueOf(result.k3sVersion), "v1.35.0+k3s1");
    assert.equal(await valueOf(result.clusterCaCertificate), "(certificate cluster-server-ca)\n");
    assert.equal(await valueOf(result.datastoreCaCertificate), "(certificate datastore-ca)\n");
    assert.deepEqual(await valueOf(result.backup), {
      hostName: "db-1",
      directory: "/var/backups/k3s-ha",
      schedule: ["*-*-* *:17:00 UTC"],
      latest: "revision-of-backup-timer",
    });
  });

  it("keep what opens the cluster secret, and nothing else", async () => {
    const secret = [];
    for (const [name, value] of Object.entries(exported())) {
      if (await pulumi.isSecret(pulumi.output(value))) secret.push(name);
      else {
        const texts = plainTexts(await valueOf(pulumi.output(value)));
        for (const text of texts) assert.ok(!deployment.secrets.some((each) => text.includes(each.trim())), name);
      }
    }
    assert.deepEqual(secret.toSorted(), ["datastoreEndpoint", "joinToken", "kubeconfig"]);
  });

  it("contain a kubeconfig that uses the load balancer, as the administrator", async () => {
    const { clusters, users, contexts } = JSON.parse(await valueOf(deployment.result.kubeconfig)) as {
      clusters: [{ cluster: Record<string, string> }];
      users: [{ user: Record<string, string> }];
      contexts: [{ name: string }];
    };
    const decoded = (text?: string) => Buffer.from(text ?? "", "base64").toString();
    assert.equal(contexts[0].name, "k3s-test");
    assert.equal(clusters[0].cluster["server"], "https://198.51.100.100:6443");
    assert.equal(decoded(clusters[0].cluster["certificate-authority-data"]), "(certificate cluster-server-ca)\n");
    assert.equal(decoded(users[0].user["client-certificate-data"]), "(certificate cluster-admin)\n");
    assert.equal(decoded(users[0].user["client-key-data"]), "(private key cluster-admin-key)\n");
  });
});

describe("one change of the configuration", () => {
  const servers = sampleConfig["k3s-ha:servers"];
  const pools = sampleConfig["k3s-ha:agentPools"];
  const k3s = sampleConfig["k3s-ha:k3s"];
  const host = (lastByte: number) => ({ address: `198.51.100.${lastByte}`, hostKey: sampleHostKey });

  const cases: [what: string, config: Config, effect: Partial<Changes & { replaced: string[] }>][] = [
    [
      "of the servers' settings restarts servers",
      { "k3s-ha:k3s": { ...k3s, serverConfig: { disable: ["servicelb"] } } },
      { changed: ["servers-server-1-service", "servers-server-2-service"] },
    ],
    [
      "of a pool's labels concerns its agents",
      { "k3s-ha:agentPools": { ...pools, ingress: { ...pools.ingress, labels: { "example.com/tier": "edge" } } } },
      { changed: ["ingress-ingress-1-service"] },
    ],
    [
      "of the backup's schedule concerns the timer",
      { "k3s-ha:backup": { schedule: "5 * * * *" } },
      { changed: ["backup-timer"] },
    ],
    [
      "of the load balancers' limit concerns the load balancers",
      { "k3s-ha:loadBalancer": { ...sampleConfig["k3s-ha:loadBalancer"], maxConnections: 100 } },
      { changed: ["balancer-lb-1-service", "balancer-lb-2-service"] },
    ],
    [
      "of the time that connections may be idle concerns the load balancers",
      { "k3s-ha:loadBalancer": { ...sampleConfig["k3s-ha:loadBalancer"], idleSeconds: 600 } },
      { changed: ["balancer-lb-1-service", "balancer-lb-2-service"] },
    ],
    [
      "of the servers' and agents' word for new certificates concerns every node",
      { "k3s-ha:k3s": { ...k3s, certificateRotation: "next" } },
      {
        changed: [
          "ingress-ingress-1-service",
          "servers-server-1-service",
          "servers-server-2-service",
          "workers-agent-1-service",
          "workers-agent-2-service",
        ],
      },
    ],
    [
      "of the load balancers' word for a new certificate makes one with a key of its own, and concerns the load balancers",
      { "k3s-ha:loadBalancer": { ...sampleConfig["k3s-ha:loadBalancer"], certificateRotation: "next" } },
      {
        changed: ["balancer-lb-1-secrets", "balancer-lb-2-secrets", "cluster-health-request"],
        added: ["cluster-health-key-next"],
        removed: ["cluster-health-key"],
        replaced: ["cluster-health-request"],
      },
    ],
    [
      "of the database's word for a new certificate makes one with a key of its own, and concerns the database",
      {
        "k3s-ha:datastore": {
          managed: { ...sampleConfig["k3s-ha:datastore"].managed, certificateRotation: "next" },
        },
      },
      {
        changed: ["datastore-request", "datastore-tls"],
        added: ["datastore-key-next"],
        removed: ["datastore-key"],
        replaced: ["datastore-request"],
      },
    ],
    [
      "of the release concerns every node, and the manifest of the next backup",
      { "k3s-ha:k3s": { ...k3s, version: "v1.35.0+k3s3" } },
      {
        changed: [
          "backup-timer",

          ...["servers-server-1", "servers-server-2"].flatMap((node) => [`${node}-release`, `${node}-service`]),
          ...["ingress-ingress-1", "workers-agent-1", "workers-agent-2"].map((node) => `${node}-service`),
          "upgrade-dump",
        ].toSorted(),
      },
    ],
    [
      "that names a proxy gives it to every host, and to K3s on every node",
      { "k3s-ha:proxy": { http: "http://proxy.example.com:3128" } },
      {
        changed: [
          "ingress-ingress-1-service",
          ...["servers-server-1", "servers-server-2"].flatMap((node) => [`${node}-secrets`, `${node}-service`]),
          "workers-agent-1-service",
          "workers-agent-2-service",
        ],
        added: sampleHostNames.map((name) => `hosts-${name}-proxy`),
      },
    ],
    [
      "that adds an agent leaves the others alone",
      {
        "k3s-ha:agentPools": {
          ...pools,
          workers: { hosts: { ...pools.workers.hosts, "agent-3": host(43) } },
        },
      },
      {
        changed: ["members-nodes"],
        added: ["hosts-agent-3", "workers-agent-3-service"],
      },
    ],
    [
      "that adds a server lets it into the datastore and the load balancer, and leaves the other servers alone",
      { "k3s-ha:servers": { ...servers, "server-3": host(13) } },
      {
        changed: [
          "balancer-lb-1-service",
          "balancer-lb-2-service",
          "datastore-access",
          // Its limit of connections changes, so a backup comes first.
          "datastore-backup-first",
          "datastore-preflight",
          "datastore-server",
          "members-nodes",
        ],
        added: [
          "datastore-client-198.51.100.13",
          "hosts-server-3",
          ...["release", "secrets", "service"].map((step) => `servers-server-3-${step}`),
        ],
      },
    ],
    [
      "that takes a pool away takes nothing else away",
      { "k3s-ha:agentPools": { workers: pools.workers } },
      {
        changed: ["members-nodes"],
        removed: ["hosts-ingress-1", "ingress", "ingress-ingress-1-service"],
      },
    ],
  ];
  for (const [what, config, { replaced = [], ...effect }] of cases) {
    it(what, async () => {
      const after = await deployProgram({ ...sampleConfig, ...config });
      assert.deepEqual(changes(deployment, after), { changed: [], added: [], removed: [], ...effect });
      assert.deepEqual(replacements(deployment, after), replaced);
    });
  }

  it("that declares a server lost dials it no more, takes it out of the load balancer, and its node out of the cluster", async () => {
    const config = {
      ...sampleConfig,
      "k3s-ha:servers": { ...servers, "server-1": { ...servers["server-1"], lost: true } },
    };
    const after = await deployProgram(config);
    const inert = commandsOf(after).filter(({ name }) => name.startsWith("servers-server-1-"));
    assert.equal(inert.length, 3);
    inert.push(resourceNamed(after, "hosts-server-1"));
    for (const command of inert) {
      assert.deepEqual([command.inputs["create"], command.inputs["update"]], ["true", "true"]);
      assert.equal(command.inputs["delete"], undefined, "it would be dialled for when it is deleted");
    }
    assert.ok(!commandsOf(after).some((command) => hostNameOf(command) === "server-1"));
    const { changed, added, removed } = changes(deployment, after);
    // If it was the host that takes the backups, it is not dialled to be left clean.
    assert.deepEqual([added, removed], [["backup-on-server-1"], []]);
    assert.ok(changed.includes("balancer-lb-1-service") && !changed.includes("datastore-access"));
    assert.doesNotMatch(scriptOf(resourceNamed(after, "balancer-lb-1-service")), /^ {2}server server-1/m);
    assert.match(scriptOf(resourceNamed(after, "members-nodes")), /^members=\(server-2 /m);
    assert.deepEqual(await valueOf(after.result.serverAddresses), { "server-2": "198.51.100.12" });
  });

  it("of how hosts are reached changes no script, and so restarts nothing", async () => {
    const after = await deployProgram({
      ...sampleConfig,
      "k3s-ha:ssh": { user: "root", port: 2222 },
      "k3s-ha:sshPrivateKey": sampleSshKey.replace("U0FN", "T1RI"),
    });
    assert.deepEqual(
      changes(deployment, after).changed,
      commandsOf(deployment)
        .map(({ name }) => name)
        .toSorted(),
    );
    for (const { name, inputs } of commandsOf(after)) {
      assert.deepEqual(inputs["stdin"], resourceNamed(deployment, name).inputs["stdin"], name);
    }
  });
});

describe("a configuration with faults", () => {
  it("registers nothing, and tells all faults at once", async () => {
    const config = { ...sampleConfig, "k3s-ha:servers": {}, "k3s-ha:backup": { keep: 0 } };
    await assert.rejects(deployProgram(config), (error: Error) => {
      assert.match(error.message, /k3s-ha:servers has no server/);
      assert.match(error.message, /k3s-ha:backup\.keep/);
      return true;
    });
  });
});

it("exports no backups of a datastore without any, but the rest of the contract", async () => {
  const { result, resources } = await deployProgram({
    ...sampleConfig,
    "k3s-ha:datastore": { endpoint: { caFile: "examples/database-ca.pem" } },
    "k3s-ha:datastoreEndpoint": "postgres://k3s:hunter2@db.example.com/k3s",
  });
  assert.deepEqual(await valueOf(result.backup), { hostName: "", directory: "", schedule: [], latest: "" });
  assert.equal(contract.backup.safeParse(await valueOf(result.backup)).error, undefined);
  assert.deepEqual(
    resources.filter(({ type }) => /UpgradeDump|BackupCron/.test(type)),
    [],
  );
});

describe("the configurations that come with the program", () => {
  for (const stack of ["dev", "prod"]) {
    it(`deploy: ${stack}`, async () => {
      const { config } = parse(
        withoutExampleKeys(readFileSync(join(import.meta.dirname, `../../Pulumi.${stack}.yaml`), "utf8")),
      ) as {
        config: Record<string, object | string>;
      };
      process.env[caFileVariable] = join(import.meta.dirname, "../../examples/database-ca.pem");
      const found = await deployProgram(reachable(config));
      assertSafeCommands(found);
      assert.deepEqual(
        found.resources
          .filter(({ parent }) => parent === undefined)
          .map(({ type }) => type.split(":")[2])
          .toSorted(),
        [
          "ClusterIdentity",
          "HostChecks",
          "MySQLDatastore",
          "UpgradeDump",
          "K3sServerPool",
          "HAProxyBalancer",
          ...poolsIn(config),
          "BackupCron",
          "ClusterMembers",
        ].toSorted(),
      );
    });
  }
});

/** The first step of a user of the example: own keys in place of those that an update refuses. */
function withoutExampleKeys(text: string): string {
  return text.replace(/[\w-]+ AAAA\S+/g, sampleHostKey).replace(/age1\w+/g, ageRecipient);
}

/** A configuration whose keys are in files that only its own machine has, with keys of the test. */
function reachable(config: Record<string, object | string>): Config {
  const withKeys = (value: unknown, name?: string): unknown => {
    if (name === "virtualIp" || name === "existing") return value;
    if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
    if ("address" in value) return { ...value, hostKey: sampleHostKey };
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withKeys(inner, key)]));
  };
  const keys = { "k3s-ha:ssh": { user: "root" }, "k3s-ha:sshPrivateKey": sampleSshKey };
  const isOnExisting = "existing" in (config["k3s-ha:datastore"] as object);
  const passwords = isOnExisting ? { "k3s-ha:datastoreAdminPassword": "a secret" } : {};
  return Object.fromEntries(
    Object.entries({ ...config, ...keys, ...passwords }).map(([key, value]) => [
      key,
      /:(servers|agentPools|loadBalancer|datastore)$/.test(key) ? (withKeys(value) as object) : value,
    ]),
  );
}

function poolsIn(config: Record<string, object | string>): string[] {
  return Object.keys(config["k3s-ha:agentPools"] ?? {}).map(() => "AgentPool");
}

/**
 * Names of resources that both deployments have and that are replaced: of commands a provider updates these inputs in
 * place, and of keys, certificates and passwords none.
 */
function replacements(before: Deployment<unknown>, after: Deployment<unknown>): string[] {
  const updatable = new Set(["connection", "create", "delete", "stdin", "update"]);
  const plain = (value: unknown) => JSON.stringify(value, (_, inner) => reveal(inner));
  return after.resources
    .filter(({ name, type, custom, inputs }) => {
      const old = before.resources.find((resource) => resource.name === name);
      if (!custom || old === undefined) return false;
      const keys = [...new Set([...Object.keys(inputs), ...Object.keys(old.inputs)])];
      const changed = keys.filter((key) => plain(inputs[key]) !== plain(old.inputs[key]));
      return type !== old.type || changed.some((key) => type !== commandType || !updatable.has(key));
    })
    .map(({ name }) => name)
    .toSorted();
}

/** Names of resources: what a diff of two deployments would list. */
interface Changes {
  changed: string[];
  added: string[];
  removed: string[];
}

function changes(before: Deployment<unknown>, after: Deployment<unknown>): Changes {
  const inputs = (of: Deployment<unknown>) =>
    new Map(
      of.resources.map((resource) => [resource.name, JSON.stringify(resource.inputs, (_, value) => reveal(value))]),
    );
  const [old, now] = [inputs(before), inputs(after)];
  return {
    // What components record of themselves changes nothing.
    changed: [...now.keys()]
      .filter((name) => old.has(name) && old.get(name) !== now.get(name) && resourceNamed(after, name).custom)
      .toSorted(),
    added: [...now.keys()].filter((name) => !old.has(name)).toSorted(),
    removed: [...old.keys()].filter((name) => !now.has(name)).toSorted(),
  };
}
