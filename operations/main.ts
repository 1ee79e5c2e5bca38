/** The Makefile's commands: the Pulumi program on a stack, and for the sandbox's stack the hosts below it. */
import { createInterface } from "node:readline/promises";
import { Command, InvalidArgumentError } from "commander";
import { backupProgramPath } from "../components/backup/backupProgram.ts";
import { loginOf } from "../components/host/hostLogin.ts";
import { runOnHost } from "../components/host/hostShell.ts";
import { restoreBackup } from "./restore.ts";
import { kubectl } from "./kubectl.ts";
import { say, secondsSince, step } from "../build/progress.ts";
import type { StackPlace } from "./stackPlace.ts";
import { readSettings } from "./stackSettings.ts";
import { answerSeconds } from "./status/clusterFacts.ts";
import { nodesOf, problemsOf } from "./status/judgement.ts";
import { lookAtCluster, parseOutputs } from "./status/lookAtCluster.ts";
import { renderProblems, renderStatus, statusJson } from "./status/statusReport.ts";
import { userPlace } from "./userPlace.ts";
import { lastChanges, pulumi, stackOutputs, type Workspace } from "./workspace.ts";
import { backupUnits } from "../components/backup/backupUnits.ts";

/** The stack that is in the sandbox. */
const sandboxStack = "dev";

/** Other stacks do not depend on the sandbox's code, and do not load it. */
async function stackPlaceOf(stack: string): Promise<StackPlace> {
  return stack === sandboxStack ? (await import("../sandbox/sandboxPlace.ts")).sandboxPlace : userPlace;
}

/** Opens a stack as the last run left it, to ask it something: also while another run is at work on it. */
async function openKnown(stack: string): Promise<Workspace> {
  return (await stackPlaceOf(stack)).openKnown(stack);
}

async function runUp(stack: string): Promise<void> {
  const start = performance.now();
  const place = await stackPlaceOf(stack);
  await place.holding("up", async () => {
    await place.bringUp();
    const workspace = await place.open(stack);
    say(`▸ pulumi up (${stack})`);
    await pulumi(workspace, ["up", ...place.updateOptions], { stdio: "inherit" });
    await printSummary(workspace, await lastChanges(workspace));
  });
  say(`Done in ${secondsSince(start)}.`);
}

/** Seconds that hosts may take to answer after a run: they were busy a moment ago, and a slow host is not a failure of the run. */
const summarySeconds = 60;

/** The summary after a run, from the hosts and not from the program. */
async function printSummary(workspace: Workspace, changes: string): Promise<void> {
  const facts = await lookAtCluster(workspace, summarySeconds);
  const option = workspace.stack === sandboxStack ? "" : `STACK=${workspace.stack} `;
  console.log(`${renderStatus(facts)}
This run: ${changes}. ${renderProblems(problemsOf(facts))}

Try next:
  make status ${option}            report whether the cluster is healthy
  make kubectl ${option}ARGS='get pods --all-namespaces'
  make backup ${option}            take a backup now, and verify it
  make preview ${option}           show what a change of configuration would do
  make down ${option}              remove everything
`);
  // Nodes that no server reported in time are not a failure of a run that has verified each of them.
  const isUnready = nodesOf(facts)?.some(({ state }) => !state.split(",").includes("Ready")) === true;
  if (facts.apiAnswer !== "ok" || isUnready) process.exitCode = 1;
}

/** 0: healthy; 1: not; 2: it could not be found out. */
async function runStatus(stack: string, asJson: boolean, seconds: number): Promise<void> {
  process.exitCode = 2;
  const facts = await lookAtCluster(await openKnown(stack), seconds);
  const problems = problemsOf(facts);
  console.log(
    asJson ? JSON.stringify(statusJson(facts), undefined, 2) : `${renderStatus(facts)}\n${renderProblems(problems)}`,
  );
  const nobodyAnswers = facts.hosts.every((host) => host.facts === undefined);
  process.exitCode = problems.length === 0 ? 0 : nobodyAnswers ? 2 : 1;
}

async function runBackup(stack: string): Promise<void> {
  const { name, path, host } = await backupHost(await openKnown(stack));
  const { exitCode } = await step("Take a backup and verify it", async () => {
    const result = await runOnHost(await loginOf(name, path, host), takeBackupScript, { seconds: 3600 });
    console.log(result.stdout || result.stderr);
    return result;
  });
  process.exitCode = exitCode;
}

const takeBackupScript = `systemctl start ${backupUnits.backup}.service || { journalctl --unit ${backupUnits.backup} --lines 20 --output cat --no-pager >&2; exit 1; }
${backupProgramPath} list
`;

interface RestoreChoice {
  backup: string;
  fromCopy?: boolean;
  identity?: string;
  yes?: boolean;
}

async function runRestore(stack: string, { backup, fromCopy, identity, yes }: RestoreChoice): Promise<void> {
  const confirm = async (plan: string) => {
    console.log(plan);
    if (yes === true) return true;
    if (!process.stdin.isTTY) throw new Error("No terminal to ask on. Set YES=1 to confirm.");
    const question = createInterface(process.stdin, process.stderr);
    const answer = await question.question("Restore it? Type yes: ");
    question.close();
    return answer.trim() === "yes";
  };
  const done = await (
    await stackPlaceOf(stack)
  ).holding("restore", async () =>
    restoreBackup(await openKnown(stack), { backup, fromCopy: fromCopy === true, identityFile: identity, confirm }),
  );
  if (!done) console.log("Nothing was changed.");
}

/** The host that takes the stack's backups. */
async function backupHost(workspace: Workspace) {
  const { backup, hosts } = await readSettings(workspace);
  if (backup === undefined)
    throw new Error("This program takes no backups of this stack's datastore. Back the datastore up by its own means.");
  const { hostName: name, host } = backup;
  return { name, path: hosts[name]?.path ?? "k3s-ha:backup.host", host };
}

const program = new Command("k3s-ha").description("A highly available K3s cluster from one command.");
const command = (name: string, description: string) =>
  program.command(name).description(description).option("--stack <stack>", "the stack", sandboxStack);

/** From as few as a dead host takes to be noticed to as many as an hour. */
function wholeSeconds(text: string): number {
  const seconds = Number(text);
  if (!Number.isInteger(seconds) || seconds < 3 || seconds > 3600)
    throw new InvalidArgumentError("Write a whole number from 3 to 3600.");
  return seconds;
}

interface StackOption {
  stack: string;
}

command("up", "create the cluster, or bring it up to date").action(({ stack }: StackOption) => runUp(stack));
command("preview", "show what up would change").action(async ({ stack }: StackOption) => {
  await pulumi(await (await stackPlaceOf(stack)).openExisting(stack), ["preview", "--diff"], { stdio: "inherit" });
});
command("down", "remove the cluster").action(async ({ stack }: StackOption) => {
  await (await stackPlaceOf(stack)).takeDown(stack);
});
command("status", "report whether the cluster is healthy, and what is wrong")
  .option("--json", "print only JSON")
  .option("--seconds <seconds>", "seconds for each host to answer", wholeSeconds, answerSeconds)
  .action(({ stack, json, seconds }: StackOption & { json?: boolean; seconds: number }) =>
    runStatus(stack, json === true, seconds),
  );
command("outputs", "show the stack's outputs").action(async ({ stack }: StackOption) => {
  await pulumi(await openKnown(stack), ["stack", "output"], { stdio: "inherit" });
});
command("backup", "take a backup now").action(({ stack }: StackOption) => runBackup(stack));
command("restore", "replace the content of the datastore by a backup")
  .option("--backup <id>", "id of a backup", "latest")
  .option("--from-copy", "fetch the backup from its copies")
  .option("--identity <file>", "file with a recipient's key, for an encrypted backup")
  .option("--yes", "restore without asking")
  .action(({ stack, ...choice }: StackOption & RestoreChoice) => runRestore(stack, choice));
command("kubectl", "run kubectl through the load balancer")
  .argument("[args...]")
  .action(async (args: string[], { stack }: StackOption) => {
    const workspace = await openKnown(stack);
    const { kubeconfig } = parseOutputs(await stackOutputs(workspace));
    const { exitCode } = await kubectl(await workspace.kubectl(), kubeconfig, args, {
      stdio: "inherit",
      reject: false,
    });
    process.exitCode = exitCode ?? 1;
  });

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof Error && "command" in error) {
    // A command says on its own why it failed, unless what it said was kept from the screen.
    if ("stderr" in error && typeof error.stderr === "string") console.error(error.stderr);
    console.error(
      "✗ failed for the reason above; correct the cause, then run the same command again: it continues from here",
    );
  } else {
    console.error(error instanceof Error ? error.message : error);
  }
  process.exitCode = process.exitCode === 2 ? 2 : 1;
}
