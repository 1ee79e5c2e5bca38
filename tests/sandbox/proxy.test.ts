/**
 * Hosts that reach the releases of K3s only through a proxy with a password: downloads and packages use it, K3s has it in its
 * environment, nothing of the cluster goes through it, and a change of it restarts one node after the other.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type ResultPromise, execa } from "execa";
import { namespacePath } from "../../sandbox/network.ts";
import { mirrorUrl } from "../../sandbox/mirrorProcess.ts";
import { down, exec, up } from "../../sandbox/sandbox.ts";
import { bridgeAddress, machineSite } from "../../sandbox/state.ts";
import { eventually } from "../support/eventually.ts";
import { devConfig, kubectl, onHost, readyNodes, SandboxStack, type StackConfig } from "../support/sandboxCluster.ts";

const nodes = ["server-1", "server-2", "agent-1"] as const;
const password = "p@ss w:o%rd/1";
const port = 3128;
const releases = "releases.example.com";

const unitOf = (node: string) => (node.startsWith("agent") ? "k3s-agent" : "k3s");

describe("a proxy", () => {
  let stack: SandboxStack;
  let config: StackConfig;
  let proxy: ResultPromise<{ lines: true; reject: false }>;
  /** The requests to the proxy so far. */
  const requests: string[] = [];

  const open = async (settings: object | undefined) => {
    stack = await SandboxStack.open("dev", { ...config, ...(settings === undefined ? {} : { proxy: settings }) });
    if (settings !== undefined) await stack.setSecret("proxyCredentials", `me:${password}`);
  };
  /** When K3s was started last, by node. */
  const starts = async () =>
    Promise.all(
      nodes.map(async (node) =>
        Number(await onHost(node, `systemctl show --property ExecMainStartTimestampMonotonic --value ${unitOf(node)}`)),
      ),
    );
  const environmentOf = (node: string) =>
    onHost(node, `tr '\\0' '\\n' <"/proc/$(systemctl show --property MainPID --value ${unitOf(node)})/environ" | sort`);

  before(async () => {
    await down();
    await up({ hosts: ["db-1", "lb-1", ...nodes] });
    const program = join(import.meta.dirname, "../support/forwardProxy.ts");
    const mirror = mirrorUrl(machineSite).replace("http://", "");
    proxy = execa(
      "nsenter",
      [
        `--net=${namespacePath(machineSite)}`,
        process.execPath,
        ...["--disable-warning=ExperimentalWarning", program, bridgeAddress(machineSite), String(port)],
        ...[`me:${password}`, `${releases}=${mirror}`],
      ],
      { lines: true, reject: false },
    );
    // Its first line says that it listens.
    await once(proxy.stdout, "data");
    proxy.stdout.on("data", (text: Buffer) => requests.push(...text.toString().trim().split("\n")));
    const { k3s, ...others } = await devConfig();
    config = { ...others, k3s: { ...(k3s as object), mirror: `http://${releases}` } };
    await open({ http: `http://198.51.100.1:${port}` });
  });

  after(async () => {
    proxy.kill();
    await proxy;
    await down();
  });

  test("is what K3s and packages come through, and nothing of the cluster", async () => {
    await stack.mustUp();
    assert.ok(
      requests.some((line) => line.startsWith(`GET ${releases} /`) && line.endsWith("/k3s")),
      requests.join("\n"),
    );
    assert.deepEqual(
      requests.filter((line) => !line.startsWith(`GET ${releases} /`)),
      [],
    );
    // These hosts have all packages. What matters is that apt asks the proxy with what it finds there, whatever the answer.
    await exec(
      "lb-1",
      `set -a; . /etc/k3s-ha/proxy.env
echo 'deb [trusted=yes] http://${releases}/debian ./' >/root/test.list
apt-get --quiet --option Dir::Etc::sourcelist=/root/test.list --option Dir::Etc::sourceparts=/nowhere update`,
    );
    assert.ok(
      requests.some((line) => line.startsWith(`GET ${releases} /debian/`)),
      requests.join("\n"),
    );
    await stack.mustUp("--expect-no-changes");
  });

  test("is in the environment of K3s on every node, with its password in a file for root alone", async () => {
    const encoded = encodeURIComponent(password);
    for (const node of nodes) {
      const environment = await environmentOf(node);
      assert.match(
        environment,
        new RegExp(`^HTTPS_PROXY=http://me:${encoded}@${bridgeAddress(machineSite)}:${port}$`, "m"),
      );
      const direct = `localhost,127.0.0.0/8,::1,10.42.0.0/16,10.43.0.0/16,${machineSite.addressPrefix}.0/24,.svc,.cluster.local`;
      assert.match(environment, new RegExp(`^NO_PROXY=${direct.replaceAll(".", "\\.")}$`, "m"));
      assert.equal(
        await onHost(node, "stat --format '%a %U' /etc/k3s-ha/k3s-proxy.env /etc/k3s-ha/proxy.env"),
        "600 root\n600 root",
      );
      assert.doesNotMatch(
        await onHost(node, `systemctl show ${unitOf(node)}; systemctl cat ${unitOf(node)}`),
        new RegExp(encoded),
      );
    }
  });

  test("is in the environment of backups, which copy and report to elsewhere", async () => {
    const show = "systemctl show --property EnvironmentFiles --value k3s-ha-backup";
    assert.equal(await onHost("db-1", show), "/etc/k3s-ha/proxy.env (ignore_errors=yes)");
    await onHost("db-1", "systemctl start k3s-ha-backup");
  });

  test("restarts one node after the other when it changes, while the API answers", async () => {
    const before = await starts();
    await open({ http: `http://198.51.100.1:${port}`, noProxy: ["example.org"] });
    await stack.mustUp();
    const after = await starts();
    for (const [index, node] of nodes.entries()) assert.ok((after[index] ?? 0) > (before[index] ?? 0), node);
    for (const [index, at] of after.entries()) assert.ok(index === 0 || at > (after[index - 1] ?? 0), after.join(" "));
    assert.match(await environmentOf("agent-1"), /^no_proxy=.*,example\.org,/m);
    await stack.mustUp("--expect-no-changes");
  });

  test("is gone from every host when it is no longer configured", async () => {
    await open(undefined);
    await stack.mustUp();
    for (const node of nodes) {
      assert.doesNotMatch(await environmentOf(node), /_proxy=/i);
      assert.equal(
        await onHost(node, "ls /etc/k3s-ha/*proxy* /etc/systemd/system/k3s*.service.d/*proxy* 2>/dev/null | wc -l"),
        "0",
      );
    }
    assert.equal(await onHost("db-1", "ls /etc/systemd/system/k3s-ha-.service.d 2>/dev/null | wc -l"), "0");
    const kubeconfig = await stack.kubeconfig();
    await eventually(async () => {
      assert.equal((await readyNodes(kubeconfig)).length, nodes.length);
    });
    assert.match(await kubectl(kubeconfig, ["get", "--raw", "/readyz"]), /ok/);
  });
});
