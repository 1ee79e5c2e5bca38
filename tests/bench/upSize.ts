/**
 * How long an `up` takes that creates a stack with this many agents, how much memory, and how large the stack's state is
 * then: `make bench ARGS='up 100'`, 1,000 without a number. The hosts are a server that answers every check, and the command
 * plugin does nothing, so that what is measured is Pulumi and the program alone.
 */
import { copyFile, cp, mkdir, readdir, stat, writeFile } from "node:fs/promises";
import { loadavg } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { writeLauncher } from "../../toolchain/launcher.ts";
import { projectDirectory } from "../../operations/workspace.ts";
import { PreviewStack, type StackFile } from "../support/previewStack.ts";
import { inTemporaryDirectory } from "../support/temporaryDirectory.ts";
import { type AnsweringHosts, startAnsweringHosts } from "./answeringHosts.ts";
import { roomyNetwork } from "./previewMeasurement.ts";
import { type Usage, watchUsage } from "./processUsage.ts";

const sizes = process.argv.length > 2 ? process.argv.slice(2).map(Number) : [1000];

/** A small cluster with this many agents, all of whose hosts are the server. */
async function configuration(count: number, hosts: AnsweringHosts, directory: string): Promise<StackFile> {
  const host = (network: number, index: number) => ({
    address: `127.${network}.${Math.floor(index / 250)}.${1 + (index % 250)}`,
    nodeAddress: `198.${17 + network}.${Math.floor(index / 250)}.${1 + (index % 250)}`,
    hostKey: hosts.hostKey,
  });
  const workers = Array.from({ length: count }, (_, index) => [`worker-${index + 1}`, host(1, index)] as const);
  const [key, file] = [join(directory, "key"), join(directory, "workers.json")];
  await writeFile(key, hosts.privateKey, { mode: 0o600 });
  await writeFile(file, JSON.stringify(Object.fromEntries(workers)));
  return {
    "k3s-ha:ssh": { port: hosts.port, privateKeyFile: key },
    "k3s-ha:servers": { "server-1": host(2, 1), "server-2": host(2, 2) },
    "k3s-ha:loadBalancer": { hosts: { "lb-1": host(2, 3) } },
    "k3s-ha:datastore": { managed: { name: "db-1", host: host(2, 4) } },
    "k3s-ha:agentPools": { workers: { hosts: { file } } },
    "k3s-ha:k3s": { version: "v1.35.0+k3s1", serverConfig: roomyNetwork },
  };
}

/** A copy of PULUMI_HOME whose command plugin does nothing. */
async function idleHome(home: string, directory: string): Promise<string> {
  const copy = join(directory, "pulumi-home");
  await mkdir(join(copy, "plugins"), { recursive: true });
  for (const plugin of await readdir(join(home, "plugins"))) {
    if (!plugin.startsWith("resource-") || plugin.endsWith(".lastused")) continue;
    await cp(join(home, "plugins", plugin), join(copy, "plugins", plugin), { recursive: true });
    if (!plugin.startsWith("resource-command-")) continue;
    const launcher = join(copy, "plugins", plugin, "pulumi-resource-command");
    await writeLauncher(launcher, projectDirectory, "tests/bench/idleCommandProvider.ts");
  }
  return copy;
}

async function measure(count: number): Promise<void> {
  const hosts = await startAnsweringHosts();
  try {
    await inTemporaryDirectory(async (directory) =>
      PreviewStack.use(await configuration(count, hosts, directory), async (stack) => {
        const home = await idleHome(stack.environment["PULUMI_HOME"] ?? "", directory);
        // The hosts take a key from the configuration.
        const environment = { ...stack.environment, PULUMI_HOME: home, SSH_AUTH_SOCK: undefined };
        const start = performance.now();
        const command = execa(
          stack.cli,
          ["up", "--yes", "--skip-preview", "--non-interactive", "--color=never", ...stack.arguments],
          { env: environment, stdin: "ignore", maxBuffer: 1e9 },
        );
        const finished = command.then(() => (performance.now() - start) / 1000);
        const usages = await watchUsage(command.pid ?? 0, finished);
        const wall = await finished;
        const most = (matches: (usage: Usage) => boolean) =>
          Math.max(0, ...usages.filter(matches).map(({ peakMebibytes }) => peakMebibytes));
        const program = most(({ command: line }) => line.includes("@pulumi/pulumi/cmd/run"));
        const cli = most(({ command: line }) => line.startsWith(stack.cli));
        const user = usages.reduce((total, { userSeconds }) => total + userSeconds, 0);
        const created = /\+ (\d+) created/.exec((await command).stdout)?.[1] ?? "?";
        const exported = join(directory, "state.json");
        await execa(stack.cli, ["stack", "export", "--file", exported, ...stack.arguments.slice(0, 4)], {
          env: environment,
        });
        const megabytes = (await stat(exported)).size / 1e6;
        console.log(
          `${count} agents, ${created} resources: ${wall.toFixed(1)} s; processor time ${user.toFixed(1)} s; memory of the program ${program.toFixed(0)} MiB, of the CLI ${cli.toFixed(0)} MiB; state ${megabytes.toFixed(1)} MB; ${hosts.logins()} logins`,
        );
        if (process.env["KEEP_STATE"] !== undefined) await copyFile(exported, process.env["KEEP_STATE"]);
      }),
    );
  } finally {
    hosts.stop();
  }
}

console.log(`load when it started: ${loadavg()[0]?.toFixed(2) ?? "?"}`);
for (const size of sizes) await measure(size);
