/**
 * The sandbox's hosts are real hosts, apart from the machine, and end when they are told to. On a site of its own, so
 * that the machine's sandbox is left alone.
 */
import assert from "node:assert/strict";
import { createHash, randomUUID } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { execa } from "execa";
import { exists } from "../../build/cache.ts";
import { buildK3s } from "../../sandbox/k3s/build.ts";
import { mirrorUrl } from "../../sandbox/mirrorProcess.ts";
import { bridgePorts } from "../../sandbox/network.ts";
import { restoreCheckpoint, saveCheckpoint } from "../../sandbox/checkpoint.ts";
import { boot, destroyHosts, down, exec, halt, powerOff, status, up } from "../../sandbox/sandbox.ts";
import { hostNamed } from "../../sandbox/sandbox.ts";
import { sshArguments } from "../../sandbox/ssh.ts";
import { pathsOf } from "../../sandbox/state.ts";
import { machineFootprint } from "../support/machineFootprint.ts";
import { testSite } from "../support/testSite.ts";

const site = testSite;
let untouched: Record<string, unknown>;

/** Runs a script as root on a host of the site; fails with its errors. */
async function on(host: string, script: string): Promise<string> {
  const { stdout, stderr, exitCode } = await exec(host, script, {}, site);
  assert.equal(exitCode, 0, `${host}: ${script}\n${stdout}\n${stderr}`);
  return stdout.trim();
}

/** Tells whether a script succeeds on a host. */
async function succeeds(host: string, script: string): Promise<boolean> {
  return (await exec(host, script, { timeout: 20_000 }, site)).exitCode === 0;
}

before(async () => {
  await down(site);
  untouched = await machineFootprint(site);
  const start = performance.now();
  await up({ hosts: ["db-8", "lb-8", "server-8"] }, site);
  console.log(`three hosts up in ${((performance.now() - start) / 1000).toFixed(1)} s`);
});

after(() => down(site));

describe("hosts", () => {
  test("run systemd with nothing failed, and prove the key that was pinned before their first boot", async () => {
    // systemd may have a last job to do on a busy machine, and calls that starting.
    for (const name of ["server-8", "db-8", "lb-8"]) await on(name, "systemctl is-system-running --wait");
    const states = (await status(site)).map(({ host, state }) => `${host.name} ${host.address} ${state}`);
    assert.deepEqual(states, [
      "server-8 198.18.51.18 running",
      "db-8 198.18.51.27 running",
      "lb-8 198.18.51.37 running",
    ]);
    const scanned = await execa("ssh-keyscan", ["-t", "ed25519", "198.18.51.18", "198.18.51.27", "198.18.51.37"]);
    const known = await readFile(pathsOf(site).knownHosts, "utf8");
    assert.deepEqual(scanned.stdout.split("\n").sort(), known.trimEnd().split("\n").sort());
    assert.equal(
      await on("db-8", "hostname; readlink /proc/1/exe; . /etc/os-release; echo $VERSION_ID"),
      "db-8\n/usr/lib/systemd/systemd\n13",
    );
  });

  test("are not asked for a login before they have booted", async () => {
    // Every try forks an sshd; on a busy machine they keep each other, and the boot, from going on.
    for (const name of ["server-8", "db-8", "lb-8"]) {
      const journal = await on(name, "journalctl --boot --unit ssh --output cat");
      const [early = "", login] = journal.split(/^(?=Accepted publickey for root)/m);
      assert.notEqual(login, undefined, name);
      assert.doesNotMatch(early, /Connection|kex_exchange_identification|banner|drop/, name);
    }
  });

  test("reach each other and the machine's mirrors, and nothing else", async () => {
    for (const address of ["198.18.51.18", "198.18.51.37", "198.18.51.1", "198.18.51.254"])
      await on("db-8", `ping -c 1 -W 2 ${address}`);
    const { stdout } = await execa("ip", ["-json", "-4", "address", "show", "scope", "global"]);
    const machine = (JSON.parse(stdout) as { ifname: string; addr_info: { local: string }[] }[])
      .filter(({ ifname }) => ifname !== site.name)
      .flatMap(({ addr_info }) => addr_info.map(({ local }) => local));
    for (const address of ["192.0.2.200", "8.8.8.8", ...machine]) {
      assert.equal(await succeeds("db-8", `ping -c 1 -W 2 ${address}`), false, `db-8 reaches ${address}`);
    }
  });

  test("have the database running on the database's host alone, and services not yet configured off", async () => {
    assert.equal(await on("db-8", "systemctl is-active mariadb; mariadb -Ne 'SELECT 1 + 1'"), "active\n2");
    assert.equal(
      await on("lb-8", "systemctl is-active mariadb haproxy keepalived || test $? -eq 3"),
      "inactive\ninactive\ninactive",
    );
  });

  test("let services have systemd's protections", async () => {
    const protections =
      "-p ProtectSystem=strict -p ProtectHome=yes -p PrivateTmp=yes -p PrivateDevices=yes -p NoNewPrivileges=yes";
    const script = "touch /etc/x 2>/dev/null || echo etc; ls -A /root /tmp; touch /tmp/x && echo tmp";
    assert.equal(
      await on("db-8", `touch /tmp/of-the-host; systemd-run --quiet --pipe ${protections} bash -c '${script}'`),
      "etc\n/root:\n\n/tmp:\ntmp",
    );
    assert.match(await on("db-8", "systemctl show mariadb -p ProtectSystem -p PrivateTmp"), /ProtectSystem=full/);
  });

  test("keep the kernel's settings that K3s changes to themselves", async () => {
    const setting = "/proc/sys/kernel/panic";
    const machines = await readFile(setting, "utf8");
    await on("server-8", `echo 77 > ${setting}`);
    assert.equal(await on("server-8", `cat ${setting}`), "77");
    assert.equal(await readFile(setting, "utf8"), machines);
    assert.equal(await succeeds("server-8", "echo 1 > /proc/sys/kernel/sysrq"), false);
  });
});

describe("a bare host with an unprivileged login", () => {
  before(() => up({ hosts: ["agent-8"], flavour: "bare", login: "admin" }, site));

  test("refuses root, and lets admin do everything with sudo", async () => {
    const host = await hostNamed("agent-8", site);
    const asRoot = await execa("ssh", [...sshArguments(site, { ...host, login: "root" }), "true"], { reject: false });
    assert.match(asRoot.stderr, /Permission denied \(publickey/);
    const asAdmin = await execa("ssh", [...sshArguments(site, host), "id -un; sudo -n id -un"]);
    assert.equal(asAdmin.stdout, "admin\nroot");
  });

  test("has no programs of a cluster, and installs them with apt from the sandbox's mirror", async () => {
    for (const program of ["curl", "mariadbd", "haproxy", "iptables"]) {
      assert.equal(await succeeds("agent-8", `command -v ${program}`), false, `${program} is already installed`);
    }
    await on(
      "agent-8",
      "apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install --yes curl haproxy && haproxy -v",
    );
  });
});

test("the mirror serves K3s as GitHub does, and only files of its own", async () => {
  const { sha256, version } = await buildK3s("v1.35.0+k3s1");
  for (const path of [version, version.replace("+", "%2B")]) {
    const sums = await (await fetch(`${mirrorUrl(site)}/${path}/sha256sum-amd64.txt`)).text();
    assert.equal(sums, `${sha256}  k3s\n`);
    const binary = await (await fetch(`${mirrorUrl(site)}/${path}/k3s`)).bytes();
    assert.equal(createHash("sha256").update(binary).digest("hex"), sha256);
  }
  for (const path of ["v0.0.0/k3s", version, "..%2f..%2fssh%2fid_ed25519", "%2e%2e/%2e%2e/owner.json", "%zz"]) {
    assert.equal((await fetch(`${mirrorUrl(site)}/${path}`)).status, 404, path);
  }
  assert.equal((await fetch(`${mirrorUrl(site)}/${version}/k3s`, { method: "DELETE" })).status, 405);
  await assert.rejects(fetch("http://127.0.0.1:8080/", { signal: AbortSignal.timeout(2000) }));
});

describe("power", () => {
  test("cut: everything in the host ends, its cable is dead; booted again it has its disk and its key", async () => {
    const written = randomUUID();
    const bootId = await on(
      "server-8",
      `echo ${written} > /root/written; systemd-run --quiet sleep 1000; cat /proc/sys/kernel/random/boot_id`,
    );
    const { process } = await hostNamed("server-8", site);
    await powerOff("server-8", site);
    assert.deepEqual((await bridgePorts(site)).toSorted(), ["machine", "vb-agent-8", "vb-db-8", "vb-lb-8"]);
    assert.equal(await exists(`/proc/${process?.pid ?? 0}`), false);
    assert.equal(await succeeds("db-8", "ping -c 1 -W 1 198.18.51.18"), false);
    const states = (await status(site)).map(({ host, state }) => `${host.name} ${state}`);
    assert.ok(states.includes("server-8 off") && states.includes("db-8 running"), states.join());

    await boot("server-8", site);
    assert.equal(await on("server-8", "cat /root/written"), written);
    assert.notEqual(await on("server-8", "cat /proc/sys/kernel/random/boot_id"), bootId);
    await boot("server-8", site);
  });

  test("switched off in good order: services are stopped first", async () => {
    await halt("db-8", site);
    assert.ok(!(await bridgePorts(site)).includes("vb-db-8"));
    await boot("db-8", site);
    const journal = await on("db-8", "journalctl --boot -1 --output cat --no-pager | tail -200");
    assert.match(journal, /mariadb\.service: Deactivated successfully/);
  });
});

test("a checkpoint puts all hosts and stacks back to what they were, again and again, and names no other", async () => {
  const { pulumi, knownHosts } = pathsOf(site);
  const keys = await readFile(knownHosts, "utf8");
  const machineId = await on("db-8", "cat /etc/machine-id");
  await mkdir(pulumi);
  await writeFile(join(pulumi, "state"), "then");
  await on("db-8", "mariadb -e 'CREATE DATABASE kept; CREATE TABLE kept.rows (id INT) ENGINE=InnoDB'");
  await on("lb-8", "mkdir /srv/kept; echo then >/srv/kept/file; rm /etc/issue");
  await saveCheckpoint("then", site);
  await assert.rejects(saveCheckpoint("then", site), /The checkpoint "then" exists/);
  await assert.rejects(saveCheckpoint("../then", site), /is not a name for a checkpoint/);
  await assert.rejects(restoreCheckpoint("now", site), {
    message: 'The sandbox has no checkpoint "now"; it has then.',
  });
  for (const round of [1, 2]) {
    assert.equal(
      await on("db-8", "mariadb -Ne \"SHOW DATABASES LIKE 'kept'; SELECT COUNT(*) FROM kept.rows\""),
      "kept\n0",
    );
    assert.equal(await on("db-8", "cat /etc/machine-id; systemctl is-system-running --wait"), `${machineId}\nrunning`);
    assert.equal(
      await on("lb-8", "cat /srv/kept/file; ls /etc/issue 2>&1 || test $? = 2"),
      "then\nls: cannot access '/etc/issue': No such file or directory",
    );
    assert.equal(await readFile(join(pulumi, "state"), "utf8"), "then");
    assert.equal(await readFile(knownHosts, "utf8"), keys);
    await on("db-8", `mariadb -e 'DROP DATABASE kept; CREATE DATABASE lost_${round}'`);
    await on("lb-8", "rm -r /srv/kept; echo now >/etc/issue; mkdir /srv/lost");
    await writeFile(join(pulumi, "state"), "now");
    await destroyHosts(["server-8"], site);
    await restoreCheckpoint("then", site);
    assert.equal(await on("server-8", "hostname"), "server-8");
    assert.equal(await on("lb-8", "ls /srv"), "kept");
    assert.equal(await on("db-8", "mariadb -Ne \"SHOW DATABASES LIKE 'lost%'\""), "");
  }
});

test("down leaves nothing on the machine", async () => {
  await down(site);
  assert.deepEqual(await machineFootprint(site), untouched);
  assert.equal(await exists(site.stateDirectory), false);
  await down(site);
});
