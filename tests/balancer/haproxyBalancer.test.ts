// Proves how load balancers are set up: one after the other, with servers only that have proved themselves, and the health
// key nowhere in the clear. What HAProxy does with its configuration, haproxyConfig.test.ts proves; its reload, the sandbox.
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import { HAProxyBalancer, type HAProxyBalancerArgs } from "../../components/balancer/haproxyBalancer.ts";
import { HostCommand } from "../../components/host/hostCommand.ts";
import { assertSafeCommands, isShown } from "../support/commandRules.ts";
import { deploy, type Deployment, resourceNamed, scriptOf, tree } from "../support/deploy.ts";
import { fileOf } from "../support/hostFiles.ts";
import { assertRegistersItsFields, valueOf } from "../support/outputs.ts";
import { sampleHost } from "../support/sampleHosts.ts";
import { isSecret, isUnknown } from "../support/wire.ts";

const healthKey = "(a health key)\n";
const configPath = "/etc/haproxy/k3s-ha/haproxy.cfg";

function makeBalancer(changes: Partial<HAProxyBalancerArgs> = {}): HAProxyBalancer {
  return new HAProxyBalancer("balancer", {
    hosts: { "lb-1": sampleHost(30), "lb-2": sampleHost(31) },
    virtualIp: { address: "198.51.100.100" },
    servers: { "server-1": "198.51.100.11", "server-2": "198.51.100.12" },
    serverCaCertificate: "(the servers' CA)\n",
    healthCertificate: {
      certificate: pulumi.output("(a health certificate)\n"),
      privateKey: pulumi.secret(healthKey),
    },
    ...changes,
  });
}

describe("HAProxyBalancer", () => {
  let deployment: Deployment<HAProxyBalancer>;
  before(async () => {
    deployment = await deploy(makeBalancer);
  });
  const script = (name: string, of: Deployment<unknown> = deployment) => scriptOf(resourceNamed(of, name));
  const configOf = async (of: Deployment<unknown>, name = "lb-1") =>
    (await fileOf(script(`balancer-${name}-service`, of), configPath)) ?? "";
  const revisionOf = (of: Deployment<unknown>) =>
    /^revision=([0-9a-f]{16})$/m.exec(script("balancer-lb-1-service", of))?.[1];

  it("is made of these", () => {
    assert.equal(
      tree(deployment),
      `balancer  k3s-ha:index:HAProxyBalancer
  balancer-lb-1-address  command:remote:Command
  balancer-lb-1-packages  command:remote:Command
  balancer-lb-1-secrets  command:remote:Command
  balancer-lb-1-service  command:remote:Command
  balancer-lb-2-address  command:remote:Command
  balancer-lb-2-packages  command:remote:Command
  balancer-lb-2-secrets  command:remote:Command
  balancer-lb-2-service  command:remote:Command
`,
    );
  });

  it("acts on its hosts safely", () => {
    assertSafeCommands(deployment, [healthKey]);
  });

  it("changes one load balancer after the other: a configuration that does not work stops at the first", () => {
    const [first, second] = ["lb-1", "lb-2"].map((name) => resourceNamed(deployment, `balancer-${name}-service`));
    assert.ok(first !== undefined && second !== undefined);
    assert.ok(second.dependencies.includes(first.name));
    assert.ok(second.started > first.ended);
  });

  it("installs packages on one load balancer after the other, since a package may restart a service", () => {
    const [first, second] = ["lb-1", "lb-2"].map((name) => resourceNamed(deployment, `balancer-${name}-packages`));
    assert.ok(first !== undefined && second !== undefined);
    assert.ok(second.dependencies.includes(first.name));
    assert.ok(second.started > first.ended);
  });

  it("knows no server before it has proved itself", async () => {
    const { resources } = await deploy(() => {
      const server = new HostCommand("server", { host: sampleHost(11), script: "" });
      return makeBalancer({ servers: { "server-1": server.urn.apply(() => "198.51.100.11") } });
    });
    const of = (name: string) => resources.find((resource) => resource.name === name);
    assert.ok(of("balancer-lb-1-service")?.dependencies.includes("server"));
    // Everything that does not need the servers exists before them.
    assert.ok((of("balancer-lb-1-packages")?.started ?? Infinity) < (of("server")?.ended ?? 0));
  });

  it("keeps the health key secret, and shows its configuration", () => {
    assert.ok(isSecret(resourceNamed(deployment, "balancer-lb-1-secrets").inputs["stdin"]));
    for (const name of ["packages", "service"])
      assert.ok(isShown(resourceNamed(deployment, `balancer-lb-1-${name}`)), name);
  });

  it("gives HAProxy the health certificate and its key in one file, for root only", async () => {
    const pem = await fileOf(script("balancer-lb-1-secrets"), "/etc/haproxy/k3s-ha/health.pem");
    assert.equal(pem, "(a health certificate)\n(a health key)\n");
  });

  it("offers the API on another port, to as many clients as asked, at any address", async () => {
    const other = await deploy(() =>
      makeBalancer({
        hosts: { "lb-1": sampleHost(30, { nodeAddress: "2001:db8::30" }) },
        virtualIp: undefined,
        servers: { "server-1": "2001:db8::11" },
        port: 8443,
        maxConnections: 50,
        idleSeconds: 600,
      }),
    );
    const config = await configOf(other);
    assert.match(config, /^ {2}bind :::8443 v4v6$/m);
    assert.match(config, /^ {2}timeout tunnel 600s$/m);
    assert.match(config, /^ {2}maxconn 50$/m);
    assert.match(config, /^ {2}server server-1 \[2001:db8::11\]:6443$/m);
    assert.match(script("balancer-lb-1-service", other), /^max_connections=50$/m);
    assert.equal(await valueOf(other.result.apiEndpoint), "https://[2001:db8::30]:8443");
  });

  it("offers it on IPv4 alone where there is nothing else: a host may have no IPv6", async () => {
    assert.match(await configOf(deployment), /^ {2}bind :6443$/m);
  });

  it("can tell from HAProxy itself which configuration is served: another one has another revision", async () => {
    const revision = revisionOf(deployment);
    assert.ok((await configOf(deployment)).includes(`description k3s-ha ${String(revision)}\n`));
    assert.equal(revisionOf(await deploy(makeBalancer)), revision);
    const other = await deploy(() => makeBalancer({ servers: { "server-1": "198.51.100.11" } }));
    assert.notEqual(revisionOf(other), revision);
  });

  it("offers the shared address, and the host's own where there is but one", async () => {
    assert.equal(await valueOf(deployment.result.apiEndpoint), "https://198.51.100.100:6443");
    assert.deepEqual(await valueOf(deployment.result.addresses), { "lb-1": "198.51.100.30", "lb-2": "198.51.100.31" });
    const single = await deploy(() => makeBalancer({ hosts: { "lb-1": sampleHost(30) }, virtualIp: undefined }));
    assert.equal(await valueOf(single.result.apiEndpoint), "https://198.51.100.30:6443");
  });

  it("puts no keepalived on a single host", async () => {
    const single = await deploy(() => makeBalancer({ hosts: { "lb-1": sampleHost(30) }, virtualIp: undefined }));
    assert.deepEqual(single.resources.map(({ name }) => name).toSorted(), [
      "balancer",
      "balancer-lb-1-packages",
      "balancer-lb-1-secrets",
      "balancer-lb-1-service",
    ]);
    assert.match(script("balancer-lb-1-packages", single), /^packages=\(haproxy socat\)$/m);
    assert.match(script("balancer-lb-1-packages"), /^packages=\(haproxy socat keepalived nftables\)$/m);
  });

  it("shares the address once all load balancers serve, one host after the other, each with its peers", async () => {
    const [first, second] = ["lb-1", "lb-2"].map((name) => resourceNamed(deployment, `balancer-${name}-address`));
    assert.ok(first !== undefined && second !== undefined);
    assert.ok(first.started > resourceNamed(deployment, "balancer-lb-2-service").ended);
    assert.ok(second.started > first.ended);
    const keepalived = await fileOf(scriptOf(second), "/etc/keepalived/k3s-ha/keepalived.conf");
    assert.match(
      keepalived ?? "",
      /^ {2}unicast_src_ip 198\.51\.100\.31\n {2}unicast_peer \{\n {4}198\.51\.100\.30\n {2}\}$/m,
    );
    const rules = await fileOf(scriptOf(second), "/etc/k3s-ha/vrrp-firewall.nft");
    assert.match(rules ?? "", /saddr \{ 198\.51\.100\.30 \} accept/);
  });

  it("serves statistics to the host itself, unless it is given an address for them", async () => {
    assert.match(await configOf(deployment), /^frontend stats\n {2}mode http\n {2}bind 127\.0\.0\.1:8404$/m);
    const other = await deploy(() => makeBalancer({ statsAddresses: { "lb-2": "2001:db8::31" }, statsPort: 9000 }));
    assert.match(await configOf(other), /^ {2}bind 127\.0\.0\.1:9000$/m);
    assert.match(await configOf(other, "lb-2"), /^ {2}bind \[2001:db8::31\]:9000$/m);
  });

  it("offers no API before all load balancers serve it and one of them holds the address", async () => {
    const { resources } = await deploy(() => {
      const { apiEndpoint } = makeBalancer();
      return new pulumi.ComponentResource("test:index:Neighbour", "neighbour", { apiEndpoint });
    });
    const neighbour = resources.find(({ name }) => name === "neighbour");
    for (const last of ["service", "address"])
      assert.ok(neighbour?.dependencies.includes(`balancer-lb-2-${last}`), last);
  });

  it("registers its fields as its outputs", () => {
    assertRegistersItsFields(deployment, "balancer", deployment.result);
  });

  it("can be previewed when nothing exists, and shows its configuration once its certificate is placed", async () => {
    const first = await deploy(makeBalancer, { preview: "first" });
    assert.equal(tree(first), tree(deployment));
    assert.ok(isShown(resourceNamed(first, "balancer-lb-1-packages")));
    assert.ok(isUnknown(resourceNamed(first, "balancer-lb-1-service").inputs["stdin"]));
    const again = await deploy(makeBalancer, { preview: "again" });
    assert.equal(await configOf(again), await configOf(deployment));
  });
});
