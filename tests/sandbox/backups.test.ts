/**
 * Proves on real hosts that backups are taken by their timer on the host that the configuration names, are readable with
 * the recipient's key alone, lie on another host too, are taken before the datastore changes, and outlive everything.
 */
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { stackOutputs } from "../../operations/workspace.ts";
import { down, exec, up } from "../../sandbox/sandbox.ts";
import { eventually } from "../support/eventually.ts";
import { addressOf, devConfig, onHost, SandboxStack, type StackConfig } from "../support/sandboxCluster.ts";

const directory = "/var/backups/k3s-ha";
/** Where db-1 keeps the copies of lb-1's backups. */
const store = "/home/keeper/k3s";

let keys: string;
let recipient: string;
let base: StackConfig;
let stack: SandboxStack;
let token: string;

before(async () => {
  keys = await mkdtemp(join(tmpdir(), "k3s-ha-keys-"));
  await execa("age-keygen", ["--output", join(keys, "age")]);
  recipient = (await execa("age-keygen", ["-y", join(keys, "age")])).stdout;
  await execa("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", join(keys, "ssh")]);
  await down();
  await up({ hosts: ["db-1", "lb-1", "server-1", "server-2"] });
  // A login that can do nothing but SFTP.
  await onHost(
    "db-1",
    `useradd --create-home keeper && install --directory --owner=keeper --mode=0700 /home/keeper/.ssh
echo 'restrict,command="internal-sftp" ${(await readFile(join(keys, "ssh.pub"), "utf8")).trim()}' >/home/keeper/.ssh/authorized_keys
chown keeper /home/keeper/.ssh/authorized_keys`,
  );
  base = await devConfig();
  stack = await open(["server-1"], "* * * * *");
  await stack.mustUp();
  token = String((await stackOutputs(stack.workspace))["joinToken"]).replace(/^.*::server:/, "");
  assert.ok(token.length > 20);
});

after(async () => {
  await down();
  await rm(keys, { recursive: true });
});

/** The stack with these servers, and backups of this schedule, on lb-1 by default, that are copied to db-1. */
async function open(servers: string[], schedule: string, host = "lb-1"): Promise<SandboxStack> {
  const opened = await SandboxStack.open("dev", {
    ...base,
    agentPools: {},
    servers: Object.fromEntries(servers.map((name) => [name, { address: addressOf(name) }])),
    backup: {
      host,
      schedule,
      recipients: [recipient],
      copy: {
        remote: { type: "sftp", host: addressOf("db-1"), user: "keeper" },
        hostKeys: [(await onHost("db-1", "cat /etc/ssh/ssh_host_ed25519_key.pub")).trim()],
        path: store,
      },
      onFailure: "cat >>/root/alarm",
    },
  });
  await opened.setSecret("backupCopyCredentials", await readFile(join(keys, "ssh"), "utf8"));
  return opened;
}

/** Prints what there is on a host of all that takes backups. */
const leftovers = `find /etc/k3s-ha /etc/systemd/system /usr/local /var/lib/k3s-ha /var/lib/systemd/timers ${directory} \\( -name '*backup*' -o -name '*k3s-ha-failed*' -o -name '*drill*' -o -name '*.prom' \\) ! -name 'dpkg-*' ! -path ${directory} 2>/dev/null
getent passwd k3s-ha-backup; systemctl list-units --all --plain --no-legend 'k3s-ha-backup*' 'k3s-ha-restore*'`;

async function ids(host: string, where: string): Promise<string[]> {
  return (await onHost(host, `cd ${where} && ls -d 2*Z-* | sort`)).split("\n");
}

async function checksums(host: string, where: string): Promise<string> {
  return onHost(host, `cd ${where} && find 2*Z-* -type f ! -name copied | sort | xargs sha256sum`);
}

/** A file of lb-1 in the clear, with the recipient's key. */
async function opened(path: string): Promise<Buffer> {
  const sealed = Buffer.from(await onHost("lb-1", `base64 --wrap=0 ${path}`), "base64");
  const { stdout } = await execa("age", ["--decrypt", "--identity", join(keys, "age")], {
    input: sealed,
    encoding: "buffer",
    stripFinalNewline: false,
  });
  return Buffer.from(stdout);
}

describe("backups on a host that is not the database's", () => {
  test("are taken by the timer, within a minute, and copied to another host as they are", async () => {
    const [first = ""] = await ids("lb-1", directory);
    const deadline = Date.now() + 180_000;
    let newest = first;
    while (newest === first || (await exec("lb-1", `test -e ${directory}/${newest}/copied`)).exitCode !== 0) {
      assert.ok(Date.now() < deadline, await onHost("lb-1", "journalctl --unit k3s-ha-backup --lines 20"));
      await sleep(1000);
      newest = (await ids("lb-1", directory)).at(-1) ?? "";
    }
    assert.notEqual(await onHost("lb-1", "systemctl show --property LastTriggerUSec --value k3s-ha-backup.timer"), "");
    await onHost("lb-1", "systemctl stop k3s-ha-backup.timer");
    // It may have set off another one.
    await eventually(async () => {
      assert.equal(await onHost("lb-1", "systemctl show --property ActiveState --value k3s-ha-backup"), "inactive");
    });
    assert.equal(await checksums("db-1", store), await checksums("lb-1", directory));
  });

  test("hold the datastore and the server token for the recipient, and neither lies there in the clear", async () => {
    const latest = await onHost("lb-1", "k3s-ha-backup latest");
    assert.equal((await opened(`${directory}/${latest}/token.age`)).toString(), token);
    const { stdout: dump } = await execa("zstd", ["--decompress", "--stdout"], {
      input: await opened(`${directory}/${latest}/kine.sql.zst.age`),
      maxBuffer: 1e9,
    });
    assert.match(dump, /-- Dump completed/);
    assert.match(dump, /\/registry\/namespaces\/kube-system/);
    // The pattern travels on standard input, and is in no file itself.
    const found = await exec(
      "lb-1",
      `umask 077; cat >/dev/shm/pattern <<'EOF'\n${token}\nEOF\ngrep --recursive --files-with-matches --fixed-strings --file=/dev/shm/pattern /etc /var/backups /var/lib/k3s-ha /usr/local; code=$?; rm /dev/shm/pattern; exit $code`,
    );
    assert.equal(found.stdout, "");
    assert.equal(found.exitCode, 1);
  });

  test("are told to monitoring", async () => {
    assert.match(
      await onHost("lb-1", "k3s-ha-backup check --max-age 10m"),
      /^OK: the newest verified backup \S+ is \d+ min old, and the newest copy \d+ min$/,
    );
    const metrics = await onHost("lb-1", `cat ${directory}/k3s_ha_backup.prom`);
    for (const name of ["last_verified", "last_copied"]) {
      const seconds = Number(new RegExp(`^k3s_ha_backup_${name}_timestamp_seconds (\\d+)$`, "m").exec(metrics)?.[1]);
      assert.ok(Math.abs(Date.now() / 1000 - seconds) < 300, metrics);
    }
  });

  test("are inspected on a timer: a store that was emptied is an alarm, and the next run fills it", async () => {
    assert.equal(await onHost("lb-1", "systemctl is-active k3s-ha-backup-inspection.timer"), "active");
    assert.equal(await onHost("lb-1", "stat --format '%a %U' /etc/k3s-ha/backup-manifest.secret"), "600 root");
    await onHost("lb-1", "systemctl start k3s-ha-backup-inspection");
    const copied = await ids("db-1", store);
    await onHost("db-1", `rm -r ${store}/2*Z-*`);
    assert.notEqual((await exec("lb-1", "systemctl start k3s-ha-backup-inspection")).exitCode, 0);
    await eventually(async () => {
      assert.match(
        (await exec("lb-1", "cat /root/alarm")).stdout,
        /^k3s-ha-backup-inspection on lb-1 failed: copies in sftp:\/\/\S+ are missing or damaged, and the next run makes them again: /,
      );
    });
    await onHost("lb-1", "rm /root/alarm; systemctl start k3s-ha-backup");
    const filled = await ids("db-1", store);
    assert.deepEqual(filled.slice(0, copied.length), copied);
    await onHost("lb-1", "systemctl start k3s-ha-backup-inspection");
  });

  test("are taken before the datastore's configuration changes", async () => {
    stack = await open(["server-1", "server-2"], "0 3 * * *");
    assert.match(await stack.preview(), /The next backups would be taken at (\d{4}-\d\d-\d\d 03:00(, )?){5} UTC/);
    await stack.mustUp();
    const labels = await onHost(
      "lb-1",
      `grep --files-with-matches '"label": "pre-datastore-change"' ${directory}/*/manifest.json`,
    );
    assert.equal(labels.split("\n").length, 1);
    const taken = Number(await onHost("lb-1", `stat --format %Y ${labels}`));
    const changed = Number(await onHost("db-1", "stat --format %Z /etc/mysql/mariadb.conf.d/90-k3s-ha.cnf"));
    assert.ok(taken <= changed, `taken ${taken}, changed ${changed}`);
    assert.match(await onHost("lb-1", "k3s-ha-backup list"), /newest.* pre-datastore-change$/m);
    await stack.mustUp("--expect-no-changes");
  });

  test("that cannot be copied fail loudly, stay, and are copied once the other host is back", async () => {
    const before = await ids("lb-1", directory);
    await onHost("db-1", "chage --expiredate 1 keeper");
    const { exitCode } = await exec("lb-1", "systemctl start k3s-ha-backup");
    assert.notEqual(exitCode, 0);
    const after = await ids("lb-1", directory);
    assert.equal(after.length, before.length + 1);
    assert.deepEqual(await ids("db-1", store), before);
    let alarm = "";
    for (let tries = 0; tries < 30 && alarm === ""; tries++) {
      await sleep(500);
      alarm = (await exec("lb-1", "cat /root/alarm")).stdout.trim();
    }
    assert.match(
      alarm,
      new RegExp(
        `^k3s-ha-backup on lb-1 failed: backup ${after.at(-1) ?? ""} is good, but could not be copied to sftp://${addressOf("db-1")}/home/keeper/k3s, and nothing was removed; the next run tries again: .+$`,
      ),
    );
    assert.match(await onHost("lb-1", `cat ${directory}/k3s_ha_backup.prom`), /^k3s_ha_backup_last_run_success 0$/m);
    await onHost("db-1", "chage --expiredate -1 keeper");
    await onHost("lb-1", "systemctl start k3s-ha-backup");
    assert.equal(await checksums("db-1", store), await checksums("lb-1", directory));
    assert.match(await onHost("lb-1", `cat ${directory}/k3s_ha_backup.prom`), /^k3s_ha_backup_last_run_success 1$/m);
  });

  test("move to another host: they continue there, and the old host keeps only its backups", async () => {
    const [before, copies] = [await checksums("lb-1", directory), await ids("db-1", store)];
    stack = await open(["server-1", "server-2"], "0 3 * * *", "server-2");
    const note = `Backups are taken by server-2 from now on, and timer, program and credentials are removed from lb-1. The backups that lb-1 took stay there, in ${directory}, until you remove them; on server-2, "k3s-ha-backup fetch ID" fetches a copy of one.`;
    const preview = await stack.preview();
    assert.ok(preview.includes(note), preview);
    const all = await stack.mustUp();
    assert.ok(all.includes(note), all);
    assert.equal(await checksums("lb-1", directory), before);
    assert.equal(await onHost("lb-1", leftovers), "");
    const latest = await onHost("server-2", "k3s-ha-backup latest");
    assert.deepEqual(await ids("db-1", store), [...copies, latest]);
    assert.equal(await onHost("server-2", "systemctl is-active k3s-ha-backup.timer"), "active");
    const accounts = await onHost("db-1", `mariadb -N -e "SELECT Host FROM mysql.user WHERE User = 'k3s_backup'"`);
    assert.equal(accounts, addressOf("server-2"));
    assert.match(await onHost("server-2", `k3s-ha-backup fetch ${copies[0]}`), new RegExp(`^${copies[0]}$`));
    await stack.mustUp("--expect-no-changes");
  });

  test("outlive pulumi destroy, on all hosts that took or keep them; its credentials do not", async () => {
    const [here, there] = [await checksums("server-2", directory), await checksums("db-1", store)];
    const { exitCode, all } = await stack.destroy();
    assert.equal(exitCode, 0, all);
    assert.equal(await checksums("server-2", directory), here);
    assert.equal(await checksums("db-1", store), there);
    assert.equal(await onHost("server-2", leftovers), "");
  });
});
