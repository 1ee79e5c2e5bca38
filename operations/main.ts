/** What the Makefile's commands do: the Pulumi program on a stack, and for the sandbox's stack the hosts below it. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Command } from "commander";
import { backupProgramPath } from "../components/render/backupProgram.ts";
import { askReadiness, parseOutputs, readNodes } from "./cluster.ts";
import { datastoreReportScript, parseDatastoreReport } from "./datastoreReport.ts";
import { exists } from "../sandbox/cache.ts";
import { kubectl } from "./kubectl.ts";
import { say, secondsSince, step } from "../sandbox/progress.ts";
import { down, exec, holdingSandbox, up } from "../sandbox/sandbox.ts";
import { openSandboxWorkspace, pulumiDirectory, sandboxStack } from "../sandbox/sandboxWorkspace.ts";
import { renderSummary } from "./summary.ts";
import { prepareToolchain } from "../sandbox/toolchain/toolchain.ts";
import { lastChanges, openWorkspace, projectDirectory, pulumi, stackOutputs, type Workspace } from "./workspace.ts";

/** Host of the datastore in the sandbox. */
const datastoreHost = "db-1";

async function open(stack: string): Promise<Workspace> {
  const toolchain = await prepareToolchain();
  if (stack !== sandboxStack) return openWorkspace(stack, toolchain);
  return openSandboxWorkspace(stack, await readFile(join(projectDirectory, `Pulumi.${stack}.yaml`), "utf8"), toolchain);
}

/** Opens a stack to ask it something; in the sandbox there has to be one. */
async function openExisting(stack: string): Promise<Workspace> {
  if (stack === sandboxStack && !(await exists(pulumiDirectory))) {
    throw new Error("The sandbox has no cluster yet: run `make up` first.");
  }
  return open(stack);
}

/** Runs `work` holding the sandbox if the stack is in it. */
function holding<T>(stack: string, purpose: string, work: () => Promise<T>): Promise<T> {
  return stack === sandboxStack ? holdingSandbox(purpose, work) : work();
}

async function runUp(stack: string): Promise<void> {
  const start = performance.now();
  await holding(stack, "up", async () => {
    if (stack === sandboxStack) await up();
    const workspace = await open(stack);
    say(`▸ pulumi up (${stack})`);
    // In the sandbox nothing is at stake; on anybody's own hosts Pulumi shows its preview and asks.
    const options = stack === sandboxStack ? ["--yes", "--skip-preview", "--suppress-outputs"] : [];
    await pulumi(workspace, ["up", ...options], { stdio: "inherit" });
    await printSummary(workspace, await lastChanges(workspace));
  });
  say(`Done in ${secondsSince(start)}.`);
}

async function printSummary(workspace: Workspace, changes: string): Promise<void> {
  const { apiEndpoint, kubeconfig } = parseOutputs(await stackOutputs(workspace));
  const report = async () => {
    if (workspace.stack !== sandboxStack) {
      return { datastore: "ask its host", backup: "ask the datastore's host: k3s-ha-backup list" };
    }
    const { stdout, stderr, exitCode } = await exec(datastoreHost, datastoreReportScript);
    return exitCode === 0 ? parseDatastoreReport(stdout) : { datastore: `unknown: ${stderr}`, backup: "unknown" };
  };
  const [nodes, apiAnswer, { datastore, backup }] = await Promise.all([
    readNodes(kubeconfig),
    askReadiness(kubeconfig),
    report(),
  ]);
  console.log(
    renderSummary({ nodes, apiEndpoint, apiAnswer, datastore, lastBackup: backup, changes }, workspace.stack),
  );
  if (apiAnswer !== "ok" || nodes.some(({ ready }) => !ready)) process.exitCode = 1;
}

async function runDown(stack: string): Promise<void> {
  if (stack === sandboxStack) {
    await step("Remove the sandbox: cluster, hosts and their data", () => down());
    return;
  }
  await pulumi(await open(stack), ["destroy"], { stdio: "inherit" });
}

async function runBackup(stack: string): Promise<void> {
  if (stack !== sandboxStack) {
    throw new Error(`On your own hosts, take a backup on the datastore's host: sudo ${backupProgramPath} run`);
  }
  const { exitCode } = await step("Take a backup and verify it", async () => {
    const result = await exec(
      datastoreHost,
      `systemctl start k3s-ha-backup.service || { journalctl --unit k3s-ha-backup --lines 20 --output cat --no-pager; exit 1; }
${backupProgramPath} list`,
    );
    console.log(result.stdout || result.stderr);
    return result;
  });
  process.exitCode = exitCode;
}

const program = new Command("k3s-ha").description("A highly available K3s cluster from one command.");
const command = (name: string, description: string) =>
  program.command(name).description(description).option("--stack <stack>", "the stack", sandboxStack);

interface StackOption {
  stack: string;
}

command("up", "create the cluster, or bring it up to date").action(({ stack }: StackOption) => runUp(stack));
command("preview", "show what up would change").action(async ({ stack }: StackOption) => {
  await pulumi(await openExisting(stack), ["preview", "--diff"], { stdio: "inherit" });
});
command("down", "take the cluster away").action(({ stack }: StackOption) => runDown(stack));
command("status", "show the cluster").action(async ({ stack }: StackOption) => {
  const workspace = await openExisting(stack);
  await printSummary(workspace, await lastChanges(workspace));
});
command("outputs", "show the stack's outputs").action(async ({ stack }: StackOption) => {
  await pulumi(await openExisting(stack), ["stack", "output"], { stdio: "inherit" });
});
command("backup", "take a backup now").action(({ stack }: StackOption) => runBackup(stack));
command("kubectl", "run kubectl through the balancer")
  .argument("[args...]")
  .action(async (args: string[], { stack }: StackOption) => {
    const { kubeconfig } = parseOutputs(await stackOutputs(await openExisting(stack)));
    const { exitCode } = await kubectl(kubeconfig, args, { stdio: "inherit", reject: false });
    process.exitCode = exitCode ?? 1;
  });

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof Error && "command" in error) {
    // A command says on its own why it failed, unless what it said was kept from the screen.
    if ("stderr" in error && typeof error.stderr === "string") console.error(error.stderr);
    console.error("✗ failed for the reason above; when that is mended, run the same again: it goes on from here");
  } else {
    console.error(error instanceof Error ? error.message : error);
  }
  process.exitCode = 1;
}
