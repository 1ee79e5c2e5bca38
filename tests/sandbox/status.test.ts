/** `make status` against a real cluster: what it says when all is well, and when something is not. */
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { loginOf } from "../../components/host/hostLogin.ts";
import { runOnHost } from "../../components/host/hostShell.ts";
import { readSettings } from "../../operations/stackSettings.ts";
import { hostStatusScript, parseHostFacts } from "../../operations/status/hostFacts.ts";
import { parseOutputs } from "../../operations/status/lookAtCluster.ts";
import { stackOutputs } from "../../operations/workspace.ts";
import { boot, powerOff } from "../../sandbox/sandbox.ts";
import { devCluster } from "../support/devCluster.ts";
import { eventually } from "../support/eventually.ts";
import { long } from "../support/long.ts";
import { lookAt } from "../support/makeStatus.ts";
import { devConfig, kubectl, onHost, SandboxStack } from "../support/sandboxCluster.ts";

let stack: SandboxStack;
let kubeconfig: string;

before(async () => {
  stack = await devCluster();
  kubeconfig = await stack.kubeconfig();
});

describe("make status", () => {
  /** The sentences that tell what is unusual, and what every look has to be: quick, and true to its exit code. */
  const problems = async (): Promise<readonly string[]> => {
    const { exitCode, status, seconds } = await lookAt("dev");
    console.log(`make status: ${seconds.toFixed(1)} s, ${status.problems.length} problems`);
    // Hosts that hang are given up on; on a busy machine the rest takes a while as well.
    assert.ok(seconds < 30, `${seconds} s`);
    assert.equal(exitCode, status.problems.length === 0 ? 0 : 1);
    assert.equal(status.healthy, status.problems.length === 0);
    return status.problems;
  };
  const says = (all: readonly string[], ...sentences: RegExp[]) => {
    for (const sentence of sentences)
      assert.ok(
        all.some((problem) => sentence.test(problem)),
        `${String(sentence)}\n${all.join("\n")}`,
      );
  };
  const untilHealthy = () =>
    eventually(async () => {
      const { exitCode, status } = await lookAt("dev");
      assert.equal(exitCode, 0, status.problems.join("\n"));
    }, 180);

  test("finds nothing unusual about a healthy cluster, and tells what the hosts do", async () => {
    await untilHealthy();
    const { status } = await lookAt("dev");
    assert.deepEqual(status.nodes?.map(({ name, state }) => `${name} ${state}`).sort(), [
      "agent-1 Ready",
      "server-1 Ready",
      "server-2 Ready",
    ]);
    assert.deepEqual(
      status.balancers.map(({ name, haproxy, servers }) => [name, haproxy, servers.map(({ state }) => state)]),
      [["lb-1", "active", ["UP", "UP"]]],
    );
    assert.equal(status.api.answer, "ok");
    const newest = await onHost("db-1", "k3s-ha-backup latest");
    assert.equal(status.backup?.id, newest);
    const rows = Number(await onHost("db-1", "mariadb -N -e 'SELECT COUNT(*) FROM k3s.kine'"));
    assert.ok(
      Math.abs((status.datastore?.rows ?? 0) - rows) < 200,
      `${status.datastore?.rows ?? "?"} and ${rows} rows`,
    );
    const end = await onHost(
      "server-1",
      'date -d "$(openssl x509 -noout -enddate -in /var/lib/rancher/k3s/server/tls/client-admin.crt | cut -d = -f 2)" +%s',
    );
    const seen = status.certificates.find(({ host, name }) => host === "server-1" && name === "client-admin");
    assert.equal(Date.parse(seen?.expiresAt ?? "") / 1000, Number(end));
  });

  test("can ask the datastore from a server with K3s's own login, for a datastore that is none of the stack's", async () => {
    const { hosts: configured } = await readSettings(stack.workspace);
    const { host, path } = configured["server-1"] ?? assert.fail("no server-1");
    const { datastoreEndpoint } = parseOutputs(await stackOutputs(stack.workspace));
    const questions = {
      managedDatabase: undefined,
      datastoreEndpoints: [datastoreEndpoint],
      virtualAddress: undefined,
    };
    const script = hostStatusScript("server", questions, []);
    const { stdout } = await runOnHost(await loginOf("server-1", path, host), script, { seconds: 10 });
    const { datastore, datastoreFault } = parseHostFacts(stdout);
    assert.equal(datastoreFault, undefined);
    const rows = Number(await onHost("db-1", "mariadb -N -e 'SELECT COUNT(*) FROM k3s.kine'"));
    assert.ok(Math.abs((datastore?.rows ?? 0) - rows) < 200, `${datastore?.rows ?? "?"} and ${rows} rows`);
    assert.equal(datastore?.engine, "MariaDB");
    assert.equal(
      datastore.connectionsAllowed,
      Number(await onHost("db-1", "mariadb -N -e 'SELECT @@max_connections'")),
    );
  });

  test("says where to correct a configuration that is not valid", async () => {
    await SandboxStack.open("dev", { ...(await devConfig()), servers: {} });
    await assert.rejects(
      readSettings(stack.workspace),
      /^Error: The configuration of the stack "dev" is not valid:\n- k3s-ha:servers.*\nThe sandbox keeps the configuration of its last `make up`: correct Pulumi\.dev\.yaml and run `make up` again\.$/s,
    );
    stack = await SandboxStack.open("dev", await devConfig());
  });

  test("reports a stopped HAProxy, a cordoned node and a stopped timer", async () => {
    await kubectl(kubeconfig, ["cordon", "agent-1"]);
    await onHost("db-1", "systemctl stop k3s-ha-backup.timer");
    await onHost("lb-1", "systemctl stop haproxy");
    says(
      await problems(),
      /^lb-1: HAProxy is inactive, so this load balancer serves no client\./,
      /^The API does not answer at https:\/\/\S+:6443 \(connection refused\)\./,
      /^The node agent-1 is cordoned, so it gets no new pods\./,
      /^db-1: the timer of the backups is inactive, so none are taken\./,
    );
    await onHost("lb-1", "systemctl start haproxy");
    await onHost("db-1", "systemctl start k3s-ha-backup.timer");
    await eventually(() => kubectl(kubeconfig, ["uncordon", "agent-1"]), 30);
  });

  test("tells within seconds of K3s that is stopped, and of a host without power", async () => {
    await onHost("server-2", "systemctl stop k3s");
    await powerOff("agent-1");
    await eventually(async () => {
      says(
        await problems(),
        /^server-2 is DOWN for HAProxy on lb-1 since \d+ s \(L4CON\): nothing listens on its port 6443/,
        /^server-2: K3s is inactive\./,
        /^k3s-ha:agentPools\.workers\.hosts\.agent-1 \(\S+\): the host cannot be reached over SSH \(.*\)\. Check that it is up/,
      );
    });
    await onHost("server-2", "systemctl start k3s");
    await boot("agent-1");
    await untilHealthy();
  });

  test("names the pair of nodes whose pods do not reach each other, and the port", long, async () => {
    const pairs = [
      /ods on server-[12] do not reach pods on agent-1: 10\.42\.\d\.0 /,
      /ods on agent-1 do not reach pods on server-[12]: /,
    ];
    const drop = (what: string) =>
      onHost(
        "agent-1",
        `nft 'table inet shut { chain input { type filter hook input priority -10; udp dport 8472 ${what} drop; }; }'`,
      );
    await drop("");
    says(await problems(), ...pairs);
    assert.match((await problems()).join("\n"), /Open port 8472\/udp between the two hosts, in both directions/);
    await onHost("agent-1", "nft delete table inet shut");
    await drop("meta length > 1400");
    says(await problems(), ...pairs);
    assert.match((await problems()).join("\n"), /Large packets .* but not to packets of 1450 bytes\./);
    await onHost("agent-1", "nft delete table inet shut");
    await untilHealthy();
  });

  test("reports a system pod that does not run, its node and the first reason", long, async () => {
    const container = { name: "stuck", image: "localhost/missing:1", imagePullPolicy: "Never" };
    const pod = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "stuck", namespace: "kube-system" },
      spec: { nodeName: "agent-1", containers: [container] },
    };
    await kubectl(kubeconfig, ["apply", "--filename", "-"], JSON.stringify(pod));
    await eventually(async () => {
      assert.notDeepEqual(await problems(), []);
    }, 120);
    says(
      await problems(),
      /^The system pod stuck does not run on agent-1 \(ErrImageNeverPull, \w+: .*localhost\/missing:1.*\)\. Check that the node reaches the registry/,
    );
    await kubectl(kubeconfig, ["delete", "pod", "stuck", "--namespace", "kube-system", "--wait=false"]);
    await untilHealthy();
  });

  test("reports a stopped datastore, and that the servers are not ready without it", async () => {
    await onHost("db-1", "systemctl stop mariadb.socket mariadb");
    await eventually(async () => {
      says(
        await problems(),
        /^db-1: the datastore does not answer \(MariaDB is inactive\), so no server can write\./,
        /^server-[12]: K3s (is \w+\.|runs but is not ready)/,
      );
    });
    await onHost("db-1", "systemctl start mariadb.socket mariadb");
    await untilHealthy();
  });
});
