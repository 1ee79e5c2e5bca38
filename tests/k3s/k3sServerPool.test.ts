// Proves that servers are made and changed one at a time, with one configuration, and that their secrets are nowhere in
// the clear. That real servers come up so, the sandbox proves.
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import { recordIn } from "../../components/host/scriptRecord.ts";
import { parse } from "yaml";
import { type ExternalDatastoreLogin, serverDatastore } from "../../components/datastore/serverDatastore.ts";
import { ClusterIdentity } from "../../components/identity/clusterIdentity.ts";
import { K3sServerPool, type K3sServerPoolArgs } from "../../components/k3s/k3sServerPool.ts";
import { assertSafeCommands, isShown } from "../support/commandRules.ts";
import { commandsOf, deploy, type Deployment, resourceNamed, scriptOf } from "../support/deploy.ts";
import { fileOf, filesOf } from "../support/hostFiles.ts";
import { assertRegistersItsFields, valueOf } from "../support/outputs.ts";
import { sampleHost } from "../support/sampleHosts.ts";
import { isSecret, isUnknown } from "../support/wire.ts";

const password = "a-datastore-password";
const endpoint = `mysql://k3s:${password}@tcp(198.51.100.20:3306)/k3s`;
const electionDurations = ["leader-elect-lease-duration=45s", "leader-elect-renew-deadline=40s"];

function datastoreAt(login: Partial<ExternalDatastoreLogin> = {}): K3sServerPoolArgs["datastore"] {
  const servers = serverDatastore({
    endpoint: pulumi.secret(endpoint),
    caCertificate: "(the datastore's CA)\n",
    ...login,
  });
  return { servers, admits: {} };
}

function makePool(changes: Partial<K3sServerPoolArgs> = {}): K3sServerPool {
  return new K3sServerPool("servers", {
    hosts: { "server-1": sampleHost(11), "server-2": sampleHost(12), "server-3": sampleHost(13) },
    release: { version: "v1.35.0+k3s1", mirror: "http://198.51.100.1:8080" },
    identity: new ClusterIdentity("cluster"),
    datastore: datastoreAt(),
    apiNames: ["198.51.100.30", "k8s.example.com"],
    config: { disable: ["traefik"] },
    ...changes,
  });
}

const names = ["server-1", "server-2", "server-3"];

describe("K3sServerPool", () => {
  let deployment: Deployment<K3sServerPool>;
  before(async () => {
    deployment = await deploy(makePool);
  });
  const script = (name: string, of: Deployment<unknown> = deployment) => scriptOf(resourceNamed(of, name));
  const configOf = async (server: string, of: Deployment<unknown> = deployment) =>
    parse((await fileOf(script(`servers-${server}-service`, of), "/etc/rancher/k3s/config.yaml")) ?? "") as Record<
      string,
      unknown
    >;

  it("is made of three commands for each server", () => {
    assert.deepEqual(
      deployment.resources
        .filter(({ parent }) => parent === "servers")
        .map(({ type, name }) => `${type} ${name}`)
        .toSorted(),
      names.flatMap((server) =>
        ["release", "secrets", "service"].map((step) => `command:remote:Command servers-${server}-${step}`),
      ),
    );
  });

  it("acts on its hosts safely", () => {
    assertSafeCommands(deployment, [password]);
  });

  it("starts no server before the one before it has proved itself", () => {
    for (const [index, server] of names.entries()) {
      const [release, secrets, service] = ["release", "secrets", "service"].map((step) =>
        resourceNamed(deployment, `servers-${server}-${step}`),
      );
      assert.ok(release !== undefined && secrets !== undefined && service !== undefined);
      assert.ok(service.dependencies.includes(secrets.name) && secrets.dependencies.includes(release.name));
      const before = names[index - 1];
      if (before === undefined) continue;
      const previous = resourceNamed(deployment, `servers-${before}-service`);
      assert.ok(secrets.dependencies.includes(previous.name), `${server} after ${before}`);
      assert.ok(secrets.started > previous.ended, `${server} after ${before}`);
    }
  });

  it("fetches the release on all hosts at the same time: nothing that runs is touched by it", () => {
    const releases = names.map((server) => resourceNamed(deployment, `servers-${server}-release`));
    const started = Math.max(...releases.map((release) => release.started));
    const ended = Math.min(...releases.map((release) => release.ended));
    assert.ok(started < ended);
  });

  it("gives all servers the same settings except their own name and address", async () => {
    const configs = await Promise.all(names.map((server) => configOf(server)));
    for (const [index, server] of names.entries()) {
      const { "node-name": nodeName, "node-ip": address, ...shared } = configs[index] ?? {};
      assert.deepEqual([nodeName, address], [server, `198.51.100.1${index + 1}`]);
      assert.deepEqual(shared, {
        "secrets-encryption": true,
        "write-kubeconfig-mode": "0600",
        "datastore-cafile": "/etc/rancher/k3s/datastore-ca.crt",
        "tls-san": ["198.51.100.30", "k8s.example.com"],
        disable: ["traefik"],
        ...Object.fromEntries(
          ["kube-controller-manager-arg", "kube-scheduler-arg", "kube-cloud-controller-manager-arg"].map((key) => [
            key,
            electionDurations,
          ]),
        ),
      });
    }
  });

  it("gives a server settings of its own beside those of all", async () => {
    const own = {
      labels: { zone: "b" },
      taints: ["gpu=:NoExecute"],
      config: { "node-external-ip": "203.0.113.12", disable: [] },
    };
    const of = await deploy(() =>
      makePool({
        hosts: { "server-1": sampleHost(11), "server-2": sampleHost(12, own) },
        config: { disable: ["traefik"], "node-label": "zone=a" },
      }),
    );
    const shared = await configOf("server-1", of);
    assert.deepEqual(await configOf("server-2", of), {
      ...shared,
      "node-name": "server-2",
      "node-ip": "198.51.100.12",
      "node-label": ["zone=b"],
      "node-taint": ["gpu=:NoExecute"],
      "node-external-ip": "203.0.113.12",
      disable: [],
    });
  });

  it("runs no flannel, and is proved before nodes are Ready, where the network is the owner's own", async () => {
    const of = await deploy(() => makePool({ network: "own" }));
    assert.deepEqual(await configOf("server-1", of), { ...(await configOf("server-1")), "flannel-backend": "none" });
    assert.match(script("servers-server-1-service", of), /^awaits_ready=false$/m);
    assert.match(script("servers-server-1-service"), /^awaits_ready=true$/m);
  });

  it("gives every server the manifests before its first start, as a secret, and removes them", async () => {
    const path = "/var/lib/rancher/k3s/server/manifests/k3s-ha.yaml";
    const of = await deploy(() => makePool({ manifests: pulumi.secret("kind: Secret") }));
    for (const server of names) {
      assert.equal(
        await fileOf(script(`servers-${server}-secrets`, of), path),
        "# Written by k3s-ha; changes made here are overwritten.\nkind: Secret\n",
      );
      assert.ok(isSecret(resourceNamed(of, `servers-${server}-secrets`).inputs["stdin"]));
      assert.equal(await fileOf(script(`servers-${server}-secrets`), path), undefined);
      assert.match(script(`servers-${server}-secrets`), /^optional_paths=.*k3s-ha\.yaml/m);
    }
  });

  it("puts further files in place before K3s starts, and keeps their content in a secret", async () => {
    const files = [
      { path: "/etc/rancher/k3s/audit.yaml", content: pulumi.secret("a-secret-in-a-file"), mode: "0640" },
      { path: "/etc/of-agents", content: "agents", role: "agent" as const },
    ];
    const of = await deploy(() => makePool({ files }));
    assertSafeCommands(of, [password, "a-secret-in-a-file"]);
    for (const server of names) {
      const staged = "/var/lib/k3s-ha/node-files/etc/rancher/k3s/audit.yaml";
      assert.equal(await fileOf(script(`servers-${server}-secrets`, of), staged), "a-secret-in-a-file\n");
      const service = script(`servers-${server}-service`, of);
      assert.match(service, /^node_file_paths=\(\/etc\/rancher\/k3s\/audit\.yaml\)\nnode_file_modes=\(0640\)$/m);
      assert.doesNotMatch(service, /a-secret-in-a-file/);
      assert.ok(isShown(resourceNamed(of, `servers-${server}-service`)));
      assert.match(script(`servers-${server}-service`), /^node_file_paths=\(\)$/m);
    }
  });

  it("gives all servers the same secrets, in a file for root only", async () => {
    for (const server of names) {
      const files = await filesOf(script(`servers-${server}-secrets`));
      const [file] = files.filter(({ path }) => path === "/etc/rancher/k3s/config.yaml.d/90-k3s-ha-secrets.yaml");
      assert.equal(file?.mode, "0600");
      assert.deepEqual(parse(file.content.toString()), {
        token: "cluster-token-result",
        "agent-token": "cluster-agent-token-result",
        "datastore-endpoint": endpoint,
      });
      assert.ok(isSecret(resourceNamed(deployment, `servers-${server}-secrets`).inputs["stdin"]));
    }
  });

  it("gives registries with their logins to every server, as a secret for root only, and removes them", async () => {
    const path = "/etc/rancher/k3s/registries.yaml";
    const login = "a-registrys-password";
    const registries = pulumi.secret({
      mirrors: { "docker.io": { endpoint: ["https://registry.example.com"] } },
      configs: { "registry.example.com": { auth: { username: "me", password: login } } },
    });
    const other = await deploy(() =>
      makePool({ release: { version: "v1.35.0+k3s1", mirror: "http://198.51.100.1:8080", registries } }),
    );
    assertSafeCommands(other, [password, login]);
    for (const server of names) {
      const [file] = (await filesOf(script(`servers-${server}-secrets`, other))).filter((each) => each.path === path);
      assert.equal(file?.mode, "0600", server);
      assert.deepEqual(parse(file.content.toString()), {
        mirrors: { "docker.io": { endpoint: ["https://registry.example.com"] } },
        configs: { "registry.example.com": { auth: { username: "me", password: login } } },
      });
      // A file that is no longer placed is removed, because it is named here.
      assert.equal(await fileOf(script(`servers-${server}-secrets`), path), undefined);
      assert.match(script(`servers-${server}-secrets`), new RegExp(`^optional_paths=\\(${path} `, "m"));
    }
    // The release's script, which everybody may read, knows nothing of them.
    assert.equal(script("servers-server-1-release", other), script("servers-server-1-release"));
  });

  it("gives the authorities to every server, so that none is more than the others", async () => {
    for (const server of names) {
      const paths = (await filesOf(script(`servers-${server}-secrets`))).map(({ path }) => path);
      assert.equal(paths.filter((path) => path.startsWith("/var/lib/rancher/k3s/server/tls/")).length, 7, server);
    }
  });

  it("takes a server out of the load balancers before a restart, unless it is the only one", async () => {
    assert.match(script("servers-server-2-service"), /^leave_seconds=2\nreturn_seconds=4$/m);
    const alone = await deploy(() => makePool({ hosts: { "server-1": sampleHost(11) } }));
    assert.match(script("servers-server-1-service", alone), /^leave_seconds=0\nreturn_seconds=0$/m);
  });

  it("does so for every restart of K3s", async () => {
    const dropIn = "/etc/systemd/system/k3s.service.d/k3s-ha.conf";
    const text = await fileOf(script("servers-server-2-service"), dropIn);
    assert.match(text ?? "", /^ExecStop=\/usr\/local\/lib\/k3s-ha\/k3s-stop lead-away 2$/m);
    const alone = await deploy(() => makePool({ hosts: { "server-1": sampleHost(11) } }));
    assert.match((await fileOf(script("servers-server-1-service", alone), dropIn)) ?? "", /^ExecStop=.* lead-away 0$/m);
  });

  it("answers load balancers on the server's cluster-side address only", async () => {
    const hosts = { "server-1": sampleHost(11, { nodeAddress: "10.0.0.11" }) };
    const other = await deploy(() => makePool({ hosts }));
    const socket = "/etc/systemd/system/k3s-ha-balancer-state.socket";
    assert.match(
      (await fileOf(script("servers-server-1-service", other), socket)) ?? "",
      /^ListenStream=10\.0\.0\.11:6440$/m,
    );
  });

  it("shows the settings of every server, and so what a change of them does", () => {
    for (const server of names) assert.ok(isShown(resourceNamed(deployment, `servers-${server}-service`)));
  });

  it("restarts a server when its secrets have changed", () => {
    for (const server of names) {
      assert.match(
        script(`servers-${server}-service`),
        new RegExp(`^secrets_revision=revision-of-servers-${server}-secrets$`, "m"),
      );
    }
  });

  it("limits each server's connections to what the datastore has for it, by default or as configured", async () => {
    const limited = await deploy(() => makePool({ datastore: datastoreAt({ connectionsPerServer: 20 }) }));
    for (const [of, connections] of [
      [deployment, 60],
      [limited, 20],
    ] as const) {
      const unit = await fileOf(script("servers-server-1-service", of), "/etc/systemd/system/k3s.service");
      assert.match(unit ?? "", new RegExp(`^Environment=KINE_DATASTORE_MAX_OPEN_CONNECTIONS=${connections}$`, "m"));
    }
  });

  it("lets servers keep their roles through an outage of the datastore, beside what the settings say", async () => {
    const other = await deploy(() =>
      makePool({ config: { "kube-scheduler-arg": ["v=2", "leader-elect-lease-duration=20s"] } }),
    );
    const service = script("servers-server-1-service", other);
    const config = parse((await fileOf(service, "/etc/rancher/k3s/config.yaml")) ?? "") as Record<string, unknown>;
    assert.deepEqual(config["kube-controller-manager-arg"], electionDurations);
    // The last one counts.
    assert.deepEqual(config["kube-scheduler-arg"], [...electionDurations, "v=2", "leader-elect-lease-duration=20s"]);
    const unit = await fileOf(service, "/etc/systemd/system/k3s.service");
    assert.match(unit ?? "", /^Environment=CATTLE_ELECTION_LEASE_DURATION=45s$/m);
    assert.match(unit ?? "", /^Environment=CATTLE_ELECTION_RENEW_DEADLINE=40s$/m);
  });

  it("gives a server longer on its host than it may take to prove itself", async () => {
    const slow = await deploy(() => makePool({ readySeconds: 600 }));
    assert.match(script("servers-server-1-service", slow), /^ready_seconds=600$/m);
    assert.match(String(resourceNamed(slow, "servers-server-1-service").inputs["create"]), /timeout \S+ \S+ 1050 /);
  });

  it("tells a server's address once it has proved itself", async () => {
    assert.deepEqual(await valueOf(deployment.result.addresses), {
      "server-1": "198.51.100.11",
      "server-2": "198.51.100.12",
      "server-3": "198.51.100.13",
    });
    assert.equal(await valueOf(deployment.result.version), "v1.35.0+k3s1");
    const { resources } = await deploy(() => {
      const { addresses } = makePool();
      return new pulumi.ComponentResource("test:index:Neighbour", "neighbour", { address: addresses["server-2"] });
    });
    const neighbour = resources.find(({ name }) => name === "neighbour");
    assert.ok(neighbour?.dependencies.includes("servers-server-2-service"));
  });

  it("takes the cluster's own addresses where hosts are reached at others", async () => {
    const hosts = { "server-1": sampleHost(11, { address: "server-1.example.com", nodeAddress: "10.0.0.11" }) };
    const other = await deploy(() => makePool({ hosts }));
    assert.equal((await configOf("server-1", other))["node-ip"], "10.0.0.11");
    assert.deepEqual(await valueOf(other.result.addresses), { "server-1": "10.0.0.11" });
  });

  it("checks the datastore at the address in the endpoint, whatever the password", async () => {
    const cases: [endpoint: string, lines: string[], datastore: string][] = [
      [
        "mysql://k3s:p@tcp(x)/y@tcp(198.51.100.20:3306)/k3s",
        ["addresses=(198.51.100.20:3306)", "hosts=(198.51.100.20)", "host_kinds=(ip)", "start_tls=mysql"],
        "198.51.100.20:3306/k3s",
      ],
      [
        "mysql://k3s:secret@tcp([2001:db8::20]:3306)/k3s",
        ["addresses=('[2001:db8::20]:3306')", "hosts=(2001:db8::20)", "host_kinds=(ip)", "start_tls=mysql"],
        "[2001:db8::20]:3306/k3s",
      ],
      [
        "postgres://k3s:p%40ss@db.example.com/k3s",
        ["addresses=(db.example.com:5432)", "hosts=(db.example.com)", "host_kinds=(hostname)", "start_tls=postgres"],
        "db.example.com:5432/k3s",
      ],
      [
        "https://e-1.example.com:2379,https://e-2.example.com:2379",
        [
          "addresses=(e-1.example.com:2379 e-2.example.com:2379)",
          "hosts=(e-1.example.com e-2.example.com)",
          "start_tls=''",
        ],
        "e-1.example.com:2379,e-2.example.com:2379/etcd",
      ],
    ];
    for (const [datastoreEndpoint, lines, datastore] of cases) {
      const other = await deploy(() =>
        makePool({ datastore: datastoreAt({ endpoint: pulumi.secret(datastoreEndpoint) }) }),
      );
      const text = script("servers-server-1-service", other);
      for (const line of lines) assert.ok(text.includes(`\ndatastore_${line}\n`), line);
      assert.equal(recordIn(text)?.["datastore"], datastore);
    }
  });

  it("registers its fields as its outputs", () => {
    assertRegistersItsFields(deployment, "servers", deployment.result);
  });

  it("can be previewed when nothing exists, and shows a server's settings once its secrets are placed", async () => {
    const first = await deploy(makePool, { preview: "first" });
    assert.equal(commandsOf(first).length, commandsOf(deployment).length);
    assert.ok(isShown(resourceNamed(first, "servers-server-1-release")));
    assert.ok(isUnknown(resourceNamed(first, "servers-server-1-secrets").inputs["stdin"]));
    const again = await deploy(makePool, { preview: "again" });
    assert.ok(isShown(resourceNamed(again, "servers-server-1-service")));
    assert.deepEqual(await configOf("server-1", again), await configOf("server-1"));
  });
});
