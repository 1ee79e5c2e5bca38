/** kubectl, run with the kubeconfig of a stack. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa, type Options } from "execa";

/** A program and the name that it has to see itself called by. */
export interface KubectlProgram {
  path: string;
  argv0: string;
}

/** The kubectl on the PATH; undefined if there is none that works. */
export async function installedKubectl(): Promise<KubectlProgram | undefined> {
  const { failed } = await execa("kubectl", ["version", "--client"], { reject: false, stdin: "ignore" });
  return failed ? undefined : { path: "kubectl", argv0: "kubectl" };
}

/** The kubectl on the PATH. Throws if there is none that works. */
export async function requireKubectl(): Promise<KubectlProgram> {
  const installed = await installedKubectl();
  if (installed !== undefined) return installed;
  throw new Error("There is no kubectl on the PATH. Install it: https://kubernetes.io/docs/tasks/tools/");
}

/** Runs kubectl with a kubeconfig given as text, which lies in a file that only its owner reads while kubectl runs. */
export async function kubectl(
  { path, argv0 }: KubectlProgram,
  kubeconfig: string,
  args: readonly string[],
  options: Options = {},
) {
  const directory = await mkdtemp(join(tmpdir(), "k3s-ha-"));
  try {
    const file = join(directory, "kubeconfig");
    await writeFile(file, kubeconfig, { mode: 0o600 });
    return await execa(path, args, { ...options, argv0, env: { ...options.env, KUBECONFIG: file } });
  } finally {
    await rm(directory, { recursive: true });
  }
}
