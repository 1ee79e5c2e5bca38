/**
 * Prints, as a table in Markdown, what is left of three good backups after a fault: those of the naive pipeline, and those
 * of the backup program, side by side on the same database. A backup is good when it restores, with every row, and belongs
 * to the cluster's server token. `node tests/bench/backupFaults.ts` as root takes about three minutes.
 */
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { tokenFingerprint } from "../../components/identity/tokenFingerprint.ts";
import { BackupHost } from "../backup/program/backupHost.ts";
import { insertRows, kineRows, kineSchema } from "../backup/program/kineRows.ts";
import { TestDatastore } from "../backup/program/testDatastore.ts";

const token = "a-token-of-the-cluster-0123456789abcdef";
const rows = kineRows(token);
const keep = 3;

const root = await mkdtemp(join(tmpdir(), "k3s-ha-faults-"));
await chmod(root, 0o711);
const datastore = await TestDatastore.create(join(root, "datastore"));

/** One of the two ways to take a backup. */
interface Pipeline {
  readonly name: string;
  /** Takes one; what it told, and whether it called that a success. */
  run(host: BackupHost): Promise<{ exitCode: number | undefined; all: string }>;
  /** Prints the SQL of a backup. */
  readonly open: (path: string) => string;
  /** Paths of all backups, the oldest first. */
  list(host: BackupHost): Promise<string[]>;
}

const naive: Pipeline = {
  name: "naive",
  run: async (host) => {
    const { exitCode, all } = await execa("bash", [join(import.meta.dirname, "naiveBackup.sh")], {
      env: {
        OPTIONS: join(host.root, "backup.cnf"),
        DIRECTORY: host.settings.directory,
        KEEP: String(keep),
        PATH: `${join(host.root, "shims")}:${process.env["PATH"] ?? ""}`,
      },
      reject: false,
      all: true,
    });
    return { exitCode, all };
  },
  open: (path) => `gzip --decompress --stdout ${path}`,
  list: async (host) => paths(host, /^k3s-.*\.gz$/),
};

const ours: Pipeline = {
  name: "k3s-ha",
  run: async (host) => {
    const { exitCode, all } = await host.start(["run"]);
    return { exitCode, all };
  },
  open: (path) => `zstd --decompress --stdout ${path}/kine.sql.zst`,
  list: async (host) => paths(host, /^\d+T\d+Z-\d+$/),
};

async function paths(host: BackupHost, name: RegExp): Promise<string[]> {
  const { directory } = host.settings;
  return (await readdir(directory))
    .filter((entry) => name.test(entry))
    .toSorted()
    .map((entry) => join(directory, entry));
}

/** A fault: what it does before the runs that follow, and what it takes back. */
interface Fault {
  readonly name: string;
  readonly runs: number;
  begin(host: BackupHost, pipeline: Pipeline): Promise<void>;
  end?(host: BackupHost): Promise<void>;
  /** In place of the runs one after the other. */
  run?(host: BackupHost, pipeline: Pipeline): Promise<{ exitCode: number | undefined; all: string }>;
}

const dumpFails = (script: string) => async (host: BackupHost) => host.shim("mariadb-dump", script);
const faults: readonly Fault[] = [
  {
    name: "database down",
    runs: 3,
    begin: async () => datastore.stop(),
    end: async () => datastore.start(),
  },
  {
    name: "password wrong",
    runs: 3,
    begin: async (host) => host.configure({ password: "another" }),
  },
  {
    name: "disk full in the middle of the dump",
    runs: 3,
    begin: async (host, pipeline) => {
      const disk = await writeOwnDisk(host, pipeline);
      await host.shim(
        "mariadb-dump",
        `head -c 1G /dev/zero >${disk}/others 2>/dev/null; real "$@"; status=$?; exit $status`,
      );
      await host.shim("rm", `real "$@"; real -f ${disk}/others`);
    },
    end: async (host) => {
      await execa("umount", [join(host.root, "backups")]);
    },
  },
  {
    name: "dump killed",
    runs: 3,
    begin: dumpFails(`real "$@" | head -c 100000; kill -KILL $$`),
  },
  {
    name: "dump ends early and says nothing",
    runs: 3,
    begin: dumpFails(
      `for word; do [[ $word != --result-file=* ]] || file=\${word#*=}; done; real "$@" | head -c 100000; [[ -z \${file:-} ]] || truncate --size=100000 "$file"; exit 0`,
    ),
  },
  {
    name: "a backup truncated by hand",
    runs: 1,
    begin: async (host, pipeline) => damage(host, pipeline, (bytes) => bytes.subarray(0, bytes.length / 2)),
  },
  {
    name: "a flipped byte in a backup",
    runs: 1,
    begin: async (host, pipeline) =>
      damage(host, pipeline, (bytes) => {
        const at = Math.floor(bytes.length / 2);
        bytes[at] = (bytes[at] ?? 0) ^ 1;
        return bytes;
      }),
  },
  {
    name: "wrong token: another cluster's data in the schema",
    runs: 3,
    begin: async () => fill("another-token-0123456789abcdef0123456789"),
    end: async () => fill(token),
  },
  {
    name: "clock set back by a year",
    runs: 3,
    begin: async (host) =>
      host.shim("date", `if [[ $* == +%s || $* == +%Y* ]]; then real --date="1 year ago" "$@"; else real "$@"; fi`),
  },
  {
    name: "two runs at once",
    runs: 1,
    begin: dumpFails(`real "$@"; status=$?; sleep 0.5; exit $status`),
    run: async (host, pipeline) => {
      const results = await Promise.all([pipeline.run(host), pipeline.run(host)]);
      return results.find(({ exitCode }) => exitCode !== 0) ?? results[0];
    },
  },
  {
    name: "power cut during retention",
    runs: 1,
    begin: async (host, pipeline) =>
      host.shim(
        "rm",
        pipeline === naive
          ? `kill -KILL $PPID $$`
          : `if [[ $* == *removed* ]]; then kill -KILL $PPID $$; fi; real "$@"`,
      ),
  },
];

async function writeOwnDisk(host: BackupHost, pipeline: Pipeline): Promise<string> {
  const { directory } = host.settings;
  const before = join(host.root, "before");
  await execa("cp", ["--archive", directory, before]);
  await execa("mount", ["-t", "tmpfs", "-o", "size=300m,mode=0711", "none", directory]);
  for (const path of await pipeline.list(host)) await execa("rm", ["-r", path]);
  await execa("cp", ["--archive", `${before}/.`, directory]);
  return directory;
}

/** Changes the newest backup's bytes. */
async function damage(host: BackupHost, pipeline: Pipeline, change: (bytes: Buffer) => Buffer): Promise<void> {
  const newest = (await pipeline.list(host)).at(-1) ?? "";
  const file = pipeline === naive ? newest : join(newest, "kine.sql.zst");
  await writeFile(file, change(await readFile(file)));
}

async function fill(owner: string): Promise<void> {
  await datastore.sql(`DROP TABLE IF EXISTS kine; ${kineSchema} ${insertRows(kineRows(owner))}`, "k3s");
}

/** Whether a backup restores to all rows, with the cluster's own keys. */
async function isGood(pipeline: Pipeline, path: string): Promise<boolean> {
  await datastore.sql("DROP DATABASE IF EXISTS probe; CREATE DATABASE probe");
  const { failed } = await execa(
    "bash",
    ["-c", `set -o pipefail; ${pipeline.open(path)} | mariadb --no-defaults --socket=${datastore.socket} probe`],
    { reject: false },
  );
  if (failed) return false;
  const answer = await datastore
    .sql(
      `SELECT COUNT(*), COUNT(CASE WHEN name = '/bootstrap/${tokenFingerprint(token)}' AND LENGTH(value) > 0 THEN 1 END) FROM kine`,
      "probe",
    )
    .catch(() => "");
  return answer === `${rows.length}\t1`;
}

async function goodOnes(host: BackupHost, pipeline: Pipeline): Promise<[good: number, all: number]> {
  const list = await pipeline.list(host);
  let good = 0;
  for (const path of list) if (await isGood(pipeline, path)) good++;
  return [good, list.length];
}

async function outcome(fault: Fault, pipeline: Pipeline): Promise<string[]> {
  const directory = await mkdtemp(join(root, "host-"));
  await chmod(directory, 0o711);
  const host = await BackupHost.create(directory, {
    address: "127.0.0.1",
    port: datastore.port,
    user: "reader",
    password: "secret",
    caPath: datastore.caPath,
    token,
    keep,
  });
  const rest = () => sleep(1100);
  for (let taken = 0; taken < keep; taken++) {
    const { exitCode, all } = await pipeline.run(host);
    if (exitCode !== 0) throw new Error(`${pipeline.name} takes no backup: ${all}`);
    await rest();
  }
  await fault.begin(host, pipeline);
  let last: { exitCode: number | undefined; all: string } = { exitCode: undefined, all: "" };
  for (let run = 0; run < fault.runs; run++) {
    last = await (fault.run ?? ((each, way) => way.run(each)))(host, pipeline);
    await rest();
  }
  const restarted = fault.name.includes("database down");
  if (restarted) await fault.end?.(host);
  const [good, all] = await goodOnes(host, pipeline);
  if (!restarted) await fault.end?.(host);
  const ended = last.exitCode === 0 ? "success" : last.exitCode === undefined ? "killed" : "failure";
  const told = last.all
    .split("\n")
    .filter((line) => /^k3s-ha-backup:|rror|denied|space/.test(line))
    .at(-1);
  return [`${good} of ${all}`, told === undefined ? ended : `${ended}: ${shortened(told)}`];
}

/** A message without this machine's paths. */
function shortened(text: string): string {
  return text
    .replace("k3s-ha-backup: ", "")
    .replaceAll(new RegExp(`${root}/host-\\w+/`, "g"), "…/")
    .replaceAll("|", "\\|")
    .slice(0, 180);
}

try {
  await datastore.sql(`CREATE DATABASE k3s CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;
    CREATE USER 'reader'@'127.0.0.1' IDENTIFIED BY 'secret' REQUIRE SSL; GRANT SELECT, SHOW VIEW, TRIGGER ON k3s.* TO 'reader'@'127.0.0.1'`);
  await fill(token);
  await mkdir(join(root, "tmp"));
  console.log("| fault, for as many runs | naive: good of kept | it says | k3s-ha: good of kept | it says |");
  console.log("| --- | --- | --- | --- | --- |");
  for (const fault of faults) {
    const cells = [...(await outcome(fault, naive)), ...(await outcome(fault, ours))];
    console.log(`| ${fault.name}, ${fault.runs} | ${cells.join(" | ")} |`);
  }
} finally {
  await datastore.stop();
  await rm(root, { recursive: true, force: true });
}
