// Proves of every script that the program sends to a host: shellcheck finds nothing in it, and a copy of it that was cut
// anywhere on its way does nothing. What the scripts do on hosts, the sandbox proves.
import assert from "node:assert/strict";
import { globSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { execa } from "execa";
import fc from "fast-check";
import { agentFunctions } from "../../components/k3s/k3sAgent.ts";
import { hostStatusScript } from "../../operations/status/hostFacts.ts";
import { runBash } from "../support/bash.ts";
import { commandsOf, scriptOf } from "../support/deploy.ts";
import { deployProgram, sampleConfig } from "../support/program.ts";
import { programPath } from "../support/programs.ts";
import { inTemporaryDirectory } from "../support/temporaryDirectory.ts";

/** Every script, by the name of a command that has it; of those that differ in values alone, the first. */
const scripts = new Map<string, string>();

/** A script without the values of its variables and the content of its files, which are quoted whatever they hold. */
function codeOf(script: string): string {
  return script.replace(/^(\w+=).*$/gm, "$1").replace(/(<<'(__END_OF_(?:SHARED_)?FILE__)'\n)[^]*?^\2$/gm, "$1");
}

before(async () => {
  const withoutFirewall = {
    ...sampleConfig,
    "k3s-ha:datastore": { managed: { ...sampleConfig["k3s-ha:datastore"].managed, firewall: false } },
  };
  const [onlyServer = assert.fail("no server")] = Object.entries(sampleConfig["k3s-ha:servers"]);
  const onSqlite = {
    ...sampleConfig,
    "k3s-ha:servers": Object.fromEntries([onlyServer]),
    "k3s-ha:datastore": { embedded: { engine: "sqlite" } },
    "k3s-ha:backup": {},
  };
  const onOwnEtcd = { ...onSqlite, "k3s-ha:datastore": { embedded: { engine: "etcd" } } };
  const withEtcd = {
    ...Object.fromEntries(Object.entries(sampleConfig).filter(([key]) => key !== "k3s-ha:backup")),
    "k3s-ha:datastore": {
      managed: { engine: "etcd", hosts: { "etcd-1": sampleConfig["k3s-ha:datastore"].managed.host } },
    },
  } as unknown as typeof sampleConfig;
  const onPostgres = {
    ...sampleConfig,
    "k3s-ha:datastore": { managed: { ...sampleConfig["k3s-ha:datastore"].managed, engine: "postgres" } },
  } as unknown as typeof sampleConfig;
  const withProxy = { ...sampleConfig, "k3s-ha:proxy": { http: "http://proxy.example.com:3128" } };
  const codes = new Set<string>();
  for (const config of [sampleConfig, withoutFirewall, onSqlite, onOwnEtcd, withEtcd, onPostgres, withProxy]) {
    for (const command of commandsOf(await deployProgram(config))) {
      const script = scriptOf(command);
      const code = codeOf(script);
      if (!codes.has(code)) scripts.set(`${command.name} ${scripts.size}`, script);
      codes.add(code);
    }
  }
  scripts.set(
    "status",
    hostStatusScript("server", { managedDatabase: undefined, datastoreEndpoints: [], virtualAddress: undefined }, [
      "/var/lib/rancher",
    ]),
  );
});

describe("every script", () => {
  it("passes shellcheck", async () => {
    await inTemporaryDirectory(async (directory) => {
      for (const [name, script] of scripts) await writeFile(join(directory, name), withCheckedVariables(script));
      // Their scripts set the variables.
      await writeFile(join(directory, "functions"), `# shellcheck disable=SC2154\n${agentFunctions.text}`);
      // SC2034: variables that nobody reads: all scripts of a kind are given the same.
      const options = ["--shell=bash", "--exclude=SC2034", "--format=gcc"];
      const { exitCode, all } = await execa(programPath("shellcheck"), [...options, ...scripts.keys(), "functions"], {
        cwd: directory,
        reject: false,
        all: true,
      });
      assert.equal(exitCode, 0, all);
    });
  });

  it("defines every function of ours that it calls", async () => {
    const directory = join(import.meta.dirname, "..", "..");
    const texts = await Promise.all(
      globSync("{components,operations}/**/*.sh", { cwd: directory }).map((name) =>
        readFile(join(directory, name), "utf8"),
      ),
    );
    const definedIn = (text: string) => new Set([...text.matchAll(/^ *(\w+)\(\) [{(]/gm)].map(([, name = ""]) => name));
    // Names of one word also stand in sentences.
    const ours = [...definedIn(texts.join("\n"))].filter((name) => name.includes("_"));
    assert.ok(ours.length > 100, `only ${ours.length} functions to look for`);
    for (const [name, script] of scripts) {
      const defined = definedIn(/^functions_path=/m.test(script) ? `${script}\n${agentFunctions.text}` : script);
      const commands = [
        ...script.matchAll(/(?:^|[;&|(!]|\$\(|\b(?:if|then|do|else|until|while)\b) *(\w+)(?=[\s;)]|$)(?!=)/gm),
      ].map(([, command = ""]) => command);
      // Secret files that no node reads have no claim, and ask for none.
      const needless = /^claim=/m.test(script) ? "" : "is_claimed_elsewhere";
      const missing = ours.filter((each) => !defined.has(each) && commands.includes(each) && each !== needless);
      assert.deepEqual(missing, [], name);
    }
  });

  it("does nothing but its call, and that with an empty standard input", async () => {
    for (const [name, script] of scripts) {
      const commands = (await commandsRun(script)).filter((command) => !/^(\w+=|set |export |umask )/.test(command));
      assert.deepEqual(commands, ['"$1" < /dev/null'], name);
    }
  });

  it("does nothing when it was cut anywhere", async () => {
    const ends = (script: string) =>
      fc.oneof(fc.nat(script.length - 2), fc.integer({ min: script.length - 30, max: script.length - 2 }));
    const cut = fc.constantFrom(...scripts.values()).chain((script) => ends(script).map((end) => script.slice(0, end)));
    await fc.assert(
      fc.asyncProperty(cut, async (text) => {
        assert.deepEqual(await commandsRun(text), []);
      }),
      { numRuns: 150 },
    );
  });
});

/** A script whose variables may hold what looks like shell: they are data, and quoted as such. */
function withCheckedVariables(script: string): string {
  const start = script.indexOf("# What every script on a host starts with.");
  const variables = script.slice(0, start).replace(/^(?=\w+=)/gm, "# shellcheck disable=SC2016\n");
  return variables + script.slice(start);
}

/** Every command that bash would run of a text: it is told before each, and kept from all but those that only set. */
async function commandsRun(text: string): Promise<string[]> {
  const { stdout } = await runBash(
    `exec 3>&1
observe() {
  local setting='^([a-z_0-9]+=|(export|set|umask) )'
  printf '%s\\0' "$BASH_COMMAND" >&3
  [[ $BASH_COMMAND =~ $setting ]]
}
shopt -s extdebug
trap observe DEBUG
${text}`,
    "apply",
  );
  return stdout.split("\0").slice(0, -1);
}
