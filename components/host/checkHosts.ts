/** Checks hosts from the program itself: all of them at the same time, over SSH, each with one login. */
import { renderHostScript } from "./hostScript.ts";
import { type ClockReading, clockProblems } from "./clockSkew.ts";
import type { NamedHost } from "./hostCheckPart.ts";
import { hostCheckParts } from "./hostCheckParts.ts";
import { loginOf, valueOf } from "./hostLogin.ts";
import { runOnHost } from "./hostShell.ts";
import { agentFault } from "./sshAgent.ts";
import { HostUnreachable, placeOf } from "./sshConnection.ts";
import { hostScripts } from "./scripts.ts";

/** Seconds that the check of a host may take once it has let us in. A healthy one takes a fraction of one. */
const checkSeconds = 60;

const declareLost =
  'If it is lost permanently, declare it lost with "lost: true" (docs/day-two.md); the program then no longer connects to it.';

const moreTime = "For a slow host, raise k3s-ha:ssh.connectSeconds.";

/** The answer of one host. */
interface HostAnswer {
  readonly problems: readonly string[];
  readonly notes: readonly string[];
  readonly clock: ClockReading | undefined;
}

/** Sentences about hosts, in their order. */
export interface HostFindings {
  /** Problems that prevent work on these hosts. */
  readonly problems: readonly string[];
  /** Warnings. */
  readonly notes: readonly string[];
}

/** Checks these hosts, all at the same time. */
export async function checkHosts(hosts: readonly NamedHost[]): Promise<HostFindings> {
  const agent = hosts.length === 0 ? undefined : await agentFault(process.env["SSH_AUTH_SOCK"]);
  const answers = await Promise.all(hosts.map(checkHost));
  return {
    problems: [
      ...(agent === undefined ? [] : [agent]),
      ...answers.flatMap(({ problems }) => problems),
      ...clockProblems(answers.flatMap(({ clock }) => (clock === undefined ? [] : [clock]))),
    ],
    notes: answers.flatMap(({ notes }) => notes),
  };
}

async function checkHost(host: NamedHost): Promise<HostAnswer> {
  const login = await loginOf(host.name, host.path, host.host);
  const script = await hostCheckScript(host);
  let earliest = 0;
  const onStart = () => {
    earliest = Date.now();
  };
  try {
    const connectSeconds = host.host.connectSeconds ?? 10;
    const { stdout, stderr, exitCode } = await runOnHost(login, script, {
      seconds: checkSeconds,
      connectSeconds,
      onStart,
    });
    const latest = Date.now();
    const { problems, notes, shown, isWhole } = readAnswer(host, placeOf(login), stdout);
    if (isWhole) return { problems, notes, clock: { login, shown, earliest, latest } };
    const end = exitCode === 124 ? `did not end within ${checkSeconds} s` : `failed: ${lastLine(stderr)}`;
    const broken = `${placeOf(login)}: the check of the host ${end}. Check its load and its disk, then run again.`;
    return { problems: [...problems, broken], notes, clock: undefined };
  } catch (error) {
    if (!(error instanceof HostUnreachable)) throw error;
    const { fault, message } = error;
    const remedy = fault === "unreachable" ? ` ${declareLost}` : fault === "slow" ? ` ${moreTime}` : "";
    return { problems: [`${message}${remedy}`], notes: [], clock: undefined };
  }
}

/** The script that a host answers: every part's checks, with what each of them reads. */
export async function hostCheckScript(host: NamedHost): Promise<string> {
  const variables = await Promise.all(
    hostCheckParts.flatMap((part) =>
      Object.entries(part.variables(host)).map(async ([name, value]) => [name, await valueOf(value)] as const),
    ),
  );
  return renderHostScript({
    body: hostScripts.hostCheck,
    parts: [hostScripts.originals, ...hostCheckParts.map(({ script }) => script)],
    variables: { ...Object.fromEntries(variables), checks: hostCheckParts.flatMap(({ checks }) => checks) },
  });
}

/** The sentences for what the script printed, and the time that it told, in milliseconds since 1970. */
export function readAnswer(
  host: NamedHost,
  place: string,
  stdout: string,
): { problems: string[]; notes: string[]; shown: number; isWhole: boolean } {
  const lines = stdout.split("\n").filter((line) => line !== "");
  const reports = lines.map((line) => line.split("\t"));
  const told = reports.filter(([code]) => code !== "clock" && code !== "end");
  const isNote = ([code = ""]: string[]) => hostCheckParts.some(({ notes = {} }) => code in notes);
  const sentence = ([code = "", ...facts]: string[]) => `${place}: ${sentenceOf(host, code, facts)}`;
  return {
    problems: told.filter((report) => !isNote(report)).map(sentence),
    notes: told.filter(isNote).map(sentence),
    shown: Number(reports.find(([code]) => code === "clock")?.[1]) * 1000,
    isWhole: lines.at(-1) === "end",
  };
}

function sentenceOf(host: NamedHost, code: string, facts: string[]): string {
  const sentence = hostCheckParts
    .map(({ sentences, notes = {} }) => sentences[code] ?? notes[code])
    .find((each) => each);
  if (sentence === undefined) throw new Error(`the check of a host reports "${code}", which has no message`);
  return sentence(host, ...facts);
}

function lastLine(text: string): string {
  return text.trimEnd().split("\n").at(-1) ?? "";
}
