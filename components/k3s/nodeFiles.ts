import type * as pulumi from "@pulumi/pulumi";
import type { HostFile } from "../host/hostScript.ts";
import type { K3sRole } from "./k3sUnit.ts";

/** A file that nodes have before K3s starts. It belongs to root; what others left at its path is put back by its removal. */
export interface NodeFile {
  /** Absolute path. A file in /etc/sysctl.d is also loaded before each start of K3s. */
  readonly path: string;
  /** Whole content. May be secret. */
  readonly content: pulumi.Input<string>;
  /** Octal permissions. Default: "0600". */
  readonly mode?: string | undefined;
  /** The nodes that have it. Default: all. */
  readonly role?: K3sRole | undefined;
}

/** The directory in which the content of such files waits for the step that puts them in place. Scripts know it as well. */
const staging = "/var/lib/k3s-ha/node-files";

/** The files of a role's nodes. */
export function filesOf(role: K3sRole, files: readonly NodeFile[] = []): NodeFile[] {
  return files.filter((file) => file.role === undefined || file.role === role);
}

/** Variables of the script `nodeFiles`. */
export function nodeFileVariables(files: readonly NodeFile[]) {
  return { node_file_paths: files.map(({ path }) => path), node_file_modes: files.map(({ mode = "0600" }) => mode) };
}

/** The files with their content, where it waits. */
export function stagedFiles(files: readonly { path: string; content: string }[]): HostFile[] {
  return files.map(({ path, content }) => ({ path: `${staging}${path}`, content, mode: "0600" }));
}
