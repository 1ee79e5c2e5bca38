/**
 * Hosts with nothing on them but Debian and sshd, reached as a user who is not root, with a key that is a secret of the
 * configuration: the same program installs everything, and ends in the same cluster.
 */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { certificatesOf, problemsOf } from "../../operations/status/judgement.ts";
import { lookAtCluster } from "../../operations/status/lookAtCluster.ts";
import { down, exec, up } from "../../sandbox/sandbox.ts";
import { machineSite, pathsOf } from "../../sandbox/state.ts";
import { eventually } from "../support/eventually.ts";
import { devConfig, onHost, readyNodes, SandboxStack } from "../support/sandboxCluster.ts";

const version = "v1.35.0+k3s1";

before(async () => {
  await down();
  await up({ flavour: "bare", login: "admin" });
});

after(() => down());

/** A stack whose private key stands in its configuration, encrypted, and in no file that it names. */
async function openAsAdmin(name: string): Promise<SandboxStack> {
  const { ssh, ...config } = await devConfig();
  const stack = await SandboxStack.open(name, {
    ...config,
    ssh: { ...(ssh as object), privateKeyFile: undefined, user: "admin" },
  });
  await stack.setSecret("sshPrivateKey", await readFile(pathsOf(machineSite).clientKey, "utf8"));
  return stack;
}

test("bare hosts, reached as an unprivileged user with sudo, become the same cluster", async () => {
  for (const program of ["curl", "mariadbd", "haproxy", "k3s"]) {
    assert.notEqual((await exec("db-1", `command -v ${program}`)).exitCode, 0, `${program} is already installed`);
  }
  const stack = await openAsAdmin("bare");
  const start = performance.now();
  await stack.mustUp();
  console.log(`bare hosts to a cluster: ${((performance.now() - start) / 1000).toFixed(1)} s`);
  assert.deepEqual(await readyNodes(await stack.kubeconfig()), [
    `agent-1 ${version}`,
    `server-1 ${version}`,
    `server-2 ${version}`,
  ]);
  const look = await eventually(async () => {
    const seen = await lookAtCluster(stack.workspace);
    assert.deepEqual(problemsOf(seen), []);
    return seen;
  });
  // Every role's certificates are seen, also where nothing but what the program installs is there to read them.
  assert.deepEqual(
    new Set(certificatesOf(look).map(({ host }) => host)),
    new Set(["", "server-1", "server-2", "agent-1", "lb-1", "db-1"]),
  );
  assert.match(await onHost("db-1", "/usr/local/lib/k3s-ha/backup list"), /\d{8}T\d{6}Z/);
  await stack.mustUp("--expect-no-changes");
});

test("pulumi destroy uninstalls K3s and HAProxy, and keeps the data and the backups", async () => {
  const stack = await openAsAdmin("bare");
  const { all, exitCode } = await stack.destroy();
  assert.equal(exitCode, 0, all);
  for (const host of ["server-1", "server-2", "agent-1"]) {
    assert.equal(
      await onHost(
        host,
        "ls /usr/local/bin/k3s /etc/systemd/system/k3s*.service /var/lib/rancher/k3s/server 2>/dev/null | wc -l",
      ),
      "0",
      host,
    );
    assert.equal(await onHost(host, "pgrep -c 'k3s|containerd' || test $? = 1"), "0", host);
    assert.equal(await onHost(host, "ip -o link show | grep -cE 'cni0|flannel' || test $? = 1"), "0", host);
  }
  assert.notEqual(await onHost("db-1", "mariadb -N -e 'SELECT COUNT(*) FROM k3s.kine'"), "0");
  assert.equal(await onHost("db-1", `mariadb -N -e "SELECT COUNT(*) FROM mysql.user WHERE User LIKE 'k3s%'"`), "0");
  assert.match(await onHost("db-1", "ls /var/backups/k3s-ha"), /\d{8}T\d{6}Z/);
});

test("a new cluster on the old one's schema is refused, with the way out", async () => {
  const stack = await openAsAdmin("other");
  const { all, exitCode } = await stack.up();
  assert.notEqual(exitCode, 0, all);
  assert.match(
    all,
    /the schema "k3s" holds another cluster, or this one under another token\. Choose another .* or, .* drop it/,
  );
});
