/** Programs that live off the API as controllers do, and what each came to know: tests/informer. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { cached, keyOf, keyOfFiles } from "../../build/cache.ts";
import { buildProgram } from "../../build/goBuild.ts";
import { buildArguments, toolchain } from "../../build/golang.ts";
import { step } from "../../build/progress.ts";

const directory = join(import.meta.dirname, "../informer");
const program = { package: "." };

/** Path of the program, from the cache or else built now, which takes about a minute. */
export async function buildInformer(): Promise<string> {
  const { version, architecture } = await toolchain();
  const recipe = await keyOfFiles(...["go.mod", "go.sum", "main.go"].map((name) => join(directory, name)));
  const key = keyOf(recipe, version, architecture, ...buildArguments(program));
  const built = await cached("informer", key, (partial) =>
    step("Compile an informer", (progress) => buildProgram(directory, program, join(partial, "informer"), progress)),
  );
  return join(built, "informer");
}

/** The two ways in which clients list: by a watch that begins with what there is, or by a list before the watch. */
export const waysToList = { watchList: "true", list: "false" } as const;

/** What an informer has printed: the last value of each object that it knows, and whatever it was refused. */
export function knowledgeOf(printed: string): { values: Map<string, string>; errors: string[] } {
  const values = new Map<string, string>();
  const errors: string[] = [];
  for (const line of printed.split("\n")) {
    const [, what, name = "", value = ""] = line.split(" ");
    if (what === "known") values.set(name, value);
    else if (what === "gone") values.delete(name);
    else if (what === "error") errors.push(line);
  }
  return { values, errors };
}

/** An informer on this machine. */
export class Informer {
  readonly #process: ChildProcess;
  #printed = "";

  private constructor(process: ChildProcess) {
    this.#process = process;
    process.stdout?.on("data", (data: Buffer) => (this.#printed += data.toString()));
  }

  /** Starts one that reads a kubeconfig in a file. */
  static start(path: string, kubeconfigFile: string, way: keyof typeof waysToList): Informer {
    const environment = { KUBECONFIG: kubeconfigFile, KUBE_FEATURE_WatchListClient: waysToList[way] };
    return new Informer(
      spawn(path, ["watch"], { stdio: ["ignore", "pipe", "ignore"], env: { ...process.env, ...environment } }),
    );
  }

  get printed(): string {
    return this.#printed;
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null) return;
    const ended = once(this.#process, "exit");
    this.#process.kill("SIGKILL");
    await ended;
  }
}

/** The same kubeconfig, for one server itself in the place of the load balancer. */
export function directKubeconfig(kubeconfig: string, server: string): string {
  return kubeconfig.replace(/("server": )"[^"]+"/, `$1"https://${server}:6443"`);
}
