import * as pulumi from "@pulumi/pulumi";
import { readFileSync } from "node:fs";
import { posix } from "node:path";
import { z } from "zod";
import { configPath } from "./configPath.ts";
import { absolutePath, fileFault, type Surroundings, unreadableFault, unresolvableFault } from "./filePath.ts";
import type { NodeFile } from "../k3s/nodeFiles.ts";
import type { Problem } from "./problem.ts";
import { listOf, matching, section, text } from "./schemaTypes.ts";

const pathExpectation =
  "has to be the absolute path of a file on the nodes: write it like /etc/rancher/k3s/authentication.yaml";

/** Paths that have a setting of their own, or are nobody's but a program's. A path that ends with a slash is of all below it. */
const reserved: readonly (readonly [path: string, remedy: string])[] = [
  [
    "/etc/rancher/k3s/config.yaml",
    "K3s's settings: use k3s-ha:k3s.serverConfig, k3s-ha:k3s.agentConfig or a host's config",
  ],
  [
    "/etc/rancher/k3s/config.yaml.d/",
    "K3s's settings: use k3s-ha:k3s.serverConfig, k3s-ha:k3s.agentConfig or a host's config",
  ],
  ["/etc/rancher/k3s/registries.yaml", "K3s's registries: use k3s-ha:k3s.registries"],
  ["/etc/rancher/k3s/k3s.yaml", "a file that K3s writes: choose another path"],
  ["/etc/rancher/node/", "a directory that K3s writes: choose another path"],
  [
    "/etc/sysctl.d/90-kubelet.conf",
    "a file of k3s-ha:k3s.hardened: choose another path, such as /etc/sysctl.d/91-kubelet.conf",
  ],
  [
    "/etc/systemd/system/k3s.service",
    "K3s's unit, which this program writes: write a drop-in, such as /etc/systemd/system/k3s.service.d/limits.conf",
  ],
  [
    "/etc/systemd/system/k3s-agent.service",
    "K3s's unit, which this program writes: write a drop-in, such as /etc/systemd/system/k3s-agent.service.d/limits.conf",
  ],
  ["/etc/systemd/system/k3s.service.d/k3s-ha.conf", "a drop-in of this program: choose another name"],
  ["/etc/systemd/system/k3s.service.d/90-k3s-ha-proxy.conf", "a drop-in of this program: choose another name"],
  ["/etc/systemd/system/k3s-agent.service.d/90-k3s-ha-proxy.conf", "a drop-in of this program: choose another name"],
  ["/usr/local/bin/k3s", "a program that this program installs: choose another path"],
  ["/usr/local/bin/kubectl", "a program that this program installs: choose another path"],
  ["/usr/local/bin/crictl", "a program that this program installs: choose another path"],
  ["/usr/local/bin/ctr", "a program that this program installs: choose another path"],
  ["/usr/local/lib/k3s-ha/", "a directory of this program: choose another path"],
  ["/var/lib/k3s-ha/", "a directory of this program: choose another path"],
  ["/etc/k3s-ha/", "a directory of this program: choose another path"],
  ["/var/lib/rancher/k3s/server/manifests/", "the directory of manifests: use k3s-ha:k3s.manifests"],
  ["/var/lib/rancher/k3s/server/psa.yaml", "a file of k3s-ha:k3s.hardened: choose another path"],
  ["/var/lib/rancher/k3s/server/audit.yaml", "a file of k3s-ha:k3s.hardened: choose another path"],
  ["/var/lib/rancher/k3s/server/tls/", "a directory of K3s's keys: choose another path"],
  ["/var/lib/rancher/k3s/server/cred/", "a directory of K3s's keys: choose another path"],
  ["/var/lib/rancher/k3s/server/db/", "a directory of K3s's data: choose another path"],
  ["/var/lib/rancher/k3s/server/token", "a file that K3s writes: choose another path"],
  ["/var/lib/rancher/k3s/server/node-token", "a file that K3s writes: choose another path"],
  ["/var/lib/rancher/k3s/server/agent-token", "a file that K3s writes: choose another path"],
  ["/var/lib/rancher/k3s/data/", "a directory of K3s's programs: choose another path"],
  ["/var/lib/rancher/k3s/agent/images/", "the directory of images: use k3s-ha:k3s.images"],
  ["/dev/", "a place where files do not stay: choose another path"],
  ["/proc/", "a place where files do not stay: choose another path"],
  ["/run/", "a place where files do not stay: choose another path"],
  ["/sys/", "a place where files do not stay: choose another path"],
  ["/tmp/", "a place where files do not stay: choose another path"],
];

function nodePathFault(path: string): string | undefined {
  if (!/^\/[\w./@:+,=-]+$/.test(path) || posix.normalize(path) !== path || path.endsWith("/")) return pathExpectation;
  const found = reserved.find(([own]) => (own.endsWith("/") ? path.startsWith(own) : path === own));
  return found === undefined ? undefined : `has to be a path of your own, and this is ${found[1]}`;
}

const modeExpectation =
  'has to be octal permissions in quotes: write "0600", "0640" or "0644", or "0700" or "0755" for a program';

/** Files of the nodes, with where their content is on the machine that Pulumi runs on. */
export const nodeFileSources = (filePath: z.ZodType<string>) =>
  listOf(
    section({
      path: text(pathExpectation, nodePathFault).meta({
        description:
          "Path on the nodes. Files in `/etc/sysctl.d` are loaded, too, whenever `up` changes or verifies a node.",
      }),
      source: filePath.meta({ description: "File with the content, as text." }),
      mode: matching(/^0[0-7]{3}$/, modeExpectation)
        .default("0600")
        .meta({ description: "Permissions on the nodes. The file belongs to root." }),
      nodes: z
        .enum(["servers", "agents"], { error: "has to be servers or agents: leave it out for all nodes" })
        .optional()
        .meta({ description: "Nodes that have the file: `servers` or `agents`. Default: all nodes." }),
    }),
    "[{path: /etc/rancher/k3s/authentication.yaml, source: authentication.yaml}]",
  );

export type NodeFileSource = z.output<ReturnType<typeof nodeFileSources>>[number];

const largest = 256 * 1024;

/** The files of `k3s.files` with their content, secret, and their problems. */
export function readNodeFiles(
  sources: readonly NodeFileSource[],
  surroundings: Surroundings,
): { files: NodeFile[]; problems: Problem[] } {
  const problems: Problem[] = [];
  const files = sources.map(({ path, source, mode, nodes }, index): NodeFile => {
    const at = (setting: string) => configPath("k3s", "files", index, setting);
    const twin = sources.findIndex((other) => other.path === path && !isElsewhere(other.nodes, nodes));
    if (twin < index)
      problems.push({
        path: at("path"),
        fault: `is the path of ${configPath("k3s", "files", twin)} too: remove one of them`,
      });
    const { content, fault } = readSource(source, surroundings);
    if (fault !== undefined) problems.push({ path: at("source"), fault });
    const role = nodes === undefined ? undefined : nodes === "servers" ? "server" : "agent";
    // There may be keys in them.
    return { path, mode, role, content: pulumi.secret(content) };
  });
  return { files, problems };
}

function isElsewhere(a: NodeFileSource["nodes"], b: NodeFileSource["nodes"]): boolean {
  return a !== undefined && b !== undefined && a !== b;
}

function readSource(path: string, surroundings: Surroundings): { content: string; fault?: string } {
  const resolved = absolutePath(path, surroundings);
  if (resolved === undefined) return { content: "", fault: unresolvableFault(path) };
  let bytes: Buffer;
  try {
    bytes = readFileSync(resolved);
  } catch (error) {
    return { content: "", fault: unreadableFault(path, resolved, error) };
  }
  const content = bytes.toString("utf8");
  if (bytes.length > largest)
    return {
      content,
      fault: fileFault(
        path,
        resolved,
        `a file of more than ${largest / 1024} KiB, which every node's script would carry: put it on the nodes by other means`,
      ),
    };
  if (content.includes("\0") || !Buffer.from(content).equals(bytes))
    return {
      content,
      fault: fileFault(path, resolved, "a file that is not text in UTF-8: put it on the nodes by other means"),
    };
  return { content };
}
