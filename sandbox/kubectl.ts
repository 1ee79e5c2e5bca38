/** kubectl for the sandbox: this machine's, or else the one inside the K3s that the sandbox is built from. */
import { join } from "node:path";
import { toolchain } from "../build/golang.ts";
import { installedKubectl, type KubectlProgram } from "../operations/kubectl.ts";
import { buildServer, serverPrograms } from "./k3s/server.ts";

let found: Promise<KubectlProgram> | undefined;

/** Finds kubectl, or makes the K3s that holds one. */
export function sandboxKubectl(): Promise<KubectlProgram> {
  found ??= installedKubectl().then(
    async (installed) =>
      installed ?? {
        path: join(await buildServer("v1.35.0+k3s1", await toolchain()), serverPrograms.k3s),
        argv0: "kubectl",
      },
  );
  return found;
}
