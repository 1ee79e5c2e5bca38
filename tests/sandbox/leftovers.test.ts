/**
 * A run of the sandbox may be killed at any moment, and two may be started at once: nothing is left that the next `up`
 * or `down` does not clean up, and files of others are not touched.
 */
import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { globSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, afterEach, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { exists } from "../../build/cache.ts";
import { killGroup } from "../../sandbox/controlGroups.ts";
import { removeNetwork } from "../../sandbox/network.ts";
import { identityOf, isAlive, signal } from "../../sandbox/processes.ts";
import { down, exec, status, up } from "../../sandbox/sandbox.ts";
import { pathsOf } from "../../sandbox/state.ts";
import { eventually } from "../support/eventually.ts";
import { machineFootprint } from "../support/machineFootprint.ts";
import { inTemporaryDirectory } from "../support/temporaryDirectory.ts";
import { testSite } from "../support/testSite.ts";

const site = testSite;
const support = join(import.meta.dirname, "..", "support");
let untouched: Record<string, unknown>;

before(async () => {
  await down(site);
  untouched = await machineFootprint(site);
});

after(() => down(site));

/** Starts a program of `tests/support`; `printed` is what it has said so far, and `saw` waits until it says more. */
function start(program: string, args: readonly string[] = [], environment: Record<string, string> = {}) {
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", join(support, program), ...args], {
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, ...environment },
  });
  const run = { child, printed: "", saw };
  child.stderr.on("data", (data: Buffer) => {
    run.printed += data.toString();
  });
  async function saw(what: RegExp): Promise<void> {
    const started = performance.now();
    while (!what.test(run.printed)) {
      assert.ok(performance.now() - started < 90_000, `never said ${String(what)}:\n${run.printed}`);
      await sleep(5);
    }
  }
  return run;
}

async function kill(child: ChildProcess): Promise<void> {
  const gone = once(child, "exit");
  child.kill("SIGKILL");
  await gone;
}

async function states(): Promise<string[]> {
  return (await status(site)).map(({ host, state }) => `${host.name} ${state}`);
}

describe("an up that is killed with SIGKILL", () => {
  afterEach(() => down(site));

  const moments = [
    { name: "as soon as it runs", line: /^/, milliseconds: 350 },
    { name: "when it starts hosts", line: /▸ Boot/, milliseconds: 0 },
    { name: "when hosts have begun to boot", line: /▸ Boot/, milliseconds: 400 },
    { name: "when hosts are nearly up", line: /▸ Boot/, milliseconds: 1200 },
  ];
  for (const { name, line, milliseconds } of moments) {
    test(`${name}, is finished by the next up`, async () => {
      const run = start("testSite.ts", ["lb-8", "server-8"]);
      await run.saw(line);
      await sleep(milliseconds);
      await kill(run.child);
      await up({ hosts: ["lb-8", "server-8"] }, site);
      assert.deepEqual(await states(), ["server-8 running", "lb-8 running"]);
      assert.equal((await exec("server-8", "hostname", {}, site)).stdout, "server-8");
    });
  }

  test("leaves nothing that down does not remove", async () => {
    const run = start("testSite.ts", ["lb-8", "server-8"]);
    await run.saw(/▸ Boot/);
    await sleep(200);
    await kill(run.child);
    await down(site);
    assert.deepEqual(await machineFootprint(site), untouched);
    assert.equal(await exists(site.stateDirectory), false);
  });

  test("in the middle of making an image leaves no process, no mount and no half-made image", async () => {
    await inTemporaryDirectory(async (cache) => {
      const partials = () => globSync(join(cache, "k3s-ha", "image", ".*-partial-*"));
      const processes = async () => (await execa("ps", ["-e", "-o", "args="])).stdout.split("\n");
      const building = async () =>
        (await processes()).some((args) => args.includes("debootstrap") && args.includes(cache));
      const untilBuilding = async () => {
        while (!(await building())) await sleep(50);
      };
      const first = start("imageBuild.ts", [], { XDG_CACHE_HOME: cache });
      await untilBuilding();
      await kill(first.child);
      await eventually(async () => {
        assert.equal(await building(), false);
        assert.ok(!(await readFile("/proc/self/mountinfo", "utf8")).includes(cache));
      }, 30);
      const [abandoned = ""] = partials();
      assert.notEqual(abandoned, "");

      const second = start("imageBuild.ts", [], { XDG_CACHE_HOME: cache });
      await untilBuilding();
      assert.equal(await exists(abandoned), false);
      await kill(second.child);
      await eventually(async () => {
        assert.equal(await building(), false);
      }, 30);
    });
  });
});

describe("up", () => {
  afterEach(() => down(site));

  test("switches hosts on again, with their disks, after the machine was restarted", async () => {
    await up({ hosts: ["db-8", "lb-8"] }, site);
    await exec("db-8", "mariadb -e 'CREATE DATABASE kept'", {}, site);
    for (const group of ["db-8", "lb-8", "mirror"]) await killGroup(site, group);
    await removeNetwork(site);
    assert.deepEqual(await states(), ["db-8 off", "lb-8 off"]);
    await up({ hosts: ["db-8", "lb-8"] }, site);
    assert.equal((await exec("db-8", "mariadb -Ne \"SHOW DATABASES LIKE 'kept'\"", {}, site)).stdout, "kept");
    assert.equal((await fetch(`http://${site.addressPrefix}.1:8080/debian/Packages`)).status, 200);
  });

  test("removes a host that was never finished", async () => {
    await mkdir(join(pathsOf(site).host("db-7"), "upper"), { recursive: true });
    await up({ hosts: ["lb-8"] }, site);
    assert.equal(await exists(pathsOf(site).host("db-7")), false);
  });

  test("of two at once, the second waits and names the first; then both are done, on the same hosts", async () => {
    const first = start("testSite.ts", ["lb-8"]);
    await first.saw(/▸ Boot/);
    const second = start("testSite.ts", ["lb-8"]);
    const ends = [once(first.child, "exit"), once(second.child, "exit")];
    await second.saw(/waiting for/);
    const said = new RegExp(
      `waiting for process ${first.child.pid ?? 0} \\(up, since \\d{4}-\\d\\d-\\d\\dT[\\d:.]+Z, from ${join(support, "..", "..")}\\) to finish`,
    );
    assert.match(second.printed, said);
    assert.deepEqual(
      (await Promise.all(ends)).map(([code]) => code as number),
      [0, 0],
    );
    assert.doesNotMatch(second.printed, /▸ Boot/);
    assert.deepEqual(await states(), ["lb-8 running"]);
  });

  test("is refused while another checkout's hosts run, as is down; not when that checkout is no more", async () => {
    await up({ hosts: ["lb-8"] }, site);
    await inTemporaryDirectory(async (checkout) => {
      const { owner } = pathsOf(site);
      await writeFile(owner, JSON.stringify({ checkout, pid: 4711, since: "2030-01-01T00:00:00.000Z" }));
      const refusal = {
        message: `This machine's sandbox belongs to ${checkout} (process 4711, since 2030-01-01T00:00:00.000Z): run \`make down\` there first, or work there.`,
      };
      await assert.rejects(up({ hosts: ["lb-8"] }, site), refusal);
      await assert.rejects(down(site), refusal);
      assert.deepEqual(await states(), ["lb-8 running"]);
      await rm(checkout, { recursive: true });
      await up({ hosts: ["server-8"] }, site);
      assert.deepEqual(await states(), ["server-8 running"]);
      await mkdir(checkout);
    });
  });
});

test("a signal never reaches a process that was given the id of one that is gone", async () => {
  const child = spawn("sleep", ["60"]);
  const identity = await identityOf(child.pid ?? 0);
  assert.ok(identity);
  const gone = { ...identity, startTicks: String(Number(identity.startTicks) - 1) };
  const beforeRestart = { ...identity, bootId: "another boot" };
  for (const stranger of [gone, beforeRestart]) {
    assert.equal(await isAlive(stranger), false);
    await signal(stranger, "SIGKILL");
  }
  assert.equal(await isAlive(identity), true);
  const ended = once(child, "exit");
  await signal(identity, "SIGKILL");
  await ended;
  assert.equal(await isAlive(identity), false);
});
