/** kubectl, as its user has it, or else the one inside the K3s that the sandbox was built from. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa, type Options } from "execa";
import { toolchain } from "../build/golang.ts";
import { buildServer, serverPrograms } from "../sandbox/k3s/server.ts";

/** A program and the name that it has to see itself called by. */
export interface KubectlProgram {
  path: string;
  argv0: string;
}

let found: Promise<KubectlProgram> | undefined;

/** Finds kubectl, or makes the K3s that holds one. */
export function kubectlProgram(): Promise<KubectlProgram> {
  found ??= execa("kubectl", ["version", "--client"], { reject: false }).then(async ({ failed }) =>
    failed
      ? { path: join(await buildServer("v1.35.0+k3s1", await toolchain()), serverPrograms.k3s), argv0: "kubectl" }
      : { path: "kubectl", argv0: "kubectl" },
  );
  return found;
}

/** Runs kubectl with a kubeconfig given as text, which lies in a file that only its owner reads while kubectl runs. */
export async function kubectl(kubeconfig: string, args: readonly string[], options: Options = {}) {
  const { path, argv0 } = await kubectlProgram();
  const directory = await mkdtemp(join(tmpdir(), "k3s-ha-"));
  try {
    const file = join(directory, "kubeconfig");
    await writeFile(file, kubeconfig, { mode: 0o600 });
    return await execa(path, args, { ...options, argv0, env: { ...options.env, KUBECONFIG: file } });
  } finally {
    await rm(directory, { recursive: true });
  }
}
