import { directoryWith, problemsOf } from "../stack.ts";
import { k3s, refuses } from "./refusal.ts";
import assert from "node:assert/strict";
import { join } from "node:path";
import { it } from "node:test";

const source = join(import.meta.dirname, "../../../package.json");
const file = (settings: object) =>
  k3s({ files: [{ path: "/etc/rancher/k3s/authentication.yaml", source, ...settings }] });
const at = (setting: string, index = 0) => `k3s-ha:k3s.files[${index}].${setting}`;
const like = "has to be the absolute path of a file on the nodes: write it like /etc/rancher/k3s/authentication.yaml";

const taken: readonly (readonly [path: string, reason: string])[] = [
  [
    "/etc/rancher/k3s/config.yaml",
    "K3s's settings: use k3s-ha:k3s.serverConfig, k3s-ha:k3s.agentConfig or a host's config",
  ],
  [
    "/etc/rancher/k3s/config.yaml.d/90-mine.yaml",
    "K3s's settings: use k3s-ha:k3s.serverConfig, k3s-ha:k3s.agentConfig or a host's config",
  ],
  ["/etc/rancher/k3s/registries.yaml", "K3s's registries: use k3s-ha:k3s.registries"],
  ["/var/lib/rancher/k3s/server/manifests/mine.yaml", "the directory of manifests: use k3s-ha:k3s.manifests"],
  ["/var/lib/rancher/k3s/agent/images/mine.tar", "the directory of images: use k3s-ha:k3s.images"],
  ["/var/lib/rancher/k3s/server/tls/server-ca.key", "a directory of K3s's keys: choose another path"],
  ["/usr/local/bin/k3s", "a program that this program installs: choose another path"],
  ["/run/mine.yaml", "a place where files do not stay: choose another path"],
  [
    "/etc/systemd/system/k3s.service",
    "K3s's unit, which this program writes: write a drop-in, such as /etc/systemd/system/k3s.service.d/limits.conf",
  ],
];

refuses("files of the nodes", [
  ...["authentication.yaml", "/etc/../etc/mine", "/etc/", "/etc//mine", "/etc/my file"].map((path) => ({
    name: `the path ${path}`,
    config: file({ path }),
    problems: [`${at("path")} is "${path}", but ${like}.`],
  })),
  ...taken.map(([path, reason]) => ({
    name: path,
    config: file({ path }),
    problems: [`${at("path")} is "${path}", but has to be a path of your own, and this is ${reason}.`],
  })),
  {
    name: "permissions that YAML reads as a number",
    config: file({ mode: 644 }),
    problems: [
      `${at("mode")} is 644, but has to be octal permissions in quotes: write "0600", "0640" or "0644", or "0700" or "0755" for a program.`,
    ],
  },
  {
    name: "nodes of another kind",
    config: file({ nodes: "workers" }),
    problems: [`${at("nodes")} is "workers", but has to be servers or agents: leave it out for all nodes.`],
  },
  {
    name: "a file that does not exist",
    config: file({ source: "authentication.yaml" }),
    problems: [
      `${at("source")} is "authentication.yaml" (/nowhere/authentication.yaml), a file that does not exist: create it or correct the path.`,
    ],
  },
  {
    name: "one path for two files of the same nodes",
    config: k3s({
      files: [
        { path: "/etc/a", source, nodes: "servers" },
        { path: "/etc/a", source, nodes: "agents" },
        { path: "/etc/a", source },
      ],
    }),
    problems: [`${at("path", 2)} is the path of k3s-ha:k3s.files[0] too: remove one of them.`],
  },
  {
    name: "settings that undo the hardening",
    config: k3s({
      hardened: true,
      serverConfig: {
        "protect-kernel-defaults": false,
        "write-kubeconfig-mode": "0644",
        "kube-apiserver-arg": ["anonymous-auth=true"],
      },
      agentConfig: { "kubelet-arg": ["read-only-port=10255"] },
    }),
    problems: [
      ["serverConfig.protect-kernel-defaults", "false"],
      ["serverConfig.write-kubeconfig-mode", "0644"],
      ["serverConfig.kube-apiserver-arg", "anonymous-auth=true"],
      ["agentConfig.kubelet-arg", "read-only-port=10255"],
    ].map(
      ([path = "", value = ""]) =>
        `k3s-ha:k3s.${path} has "${value}", which undoes a part of k3s-ha:k3s.hardened: remove one of the two.`,
    ),
  },
]);

it("refuses files that a node's script cannot carry", (test) => {
  const directory = directoryWith(test, { "binary.bin": "a\0b", "large.txt": "x".repeat(300 * 1024) });
  const config = k3s({
    files: [
      { path: "/etc/a", source: "binary.bin" },
      { path: "/etc/b", source: "large.txt" },
    ],
  });
  assert.deepEqual(problemsOf(config, { projectDirectory: directory }), [
    `${at("source")} is "binary.bin" (${directory}/binary.bin), a file that is not text in UTF-8: put it on the nodes by other means.`,
    `${at("source", 1)} is "large.txt" (${directory}/large.txt), a file of more than 256 KiB, which every node's script would carry: put it on the nodes by other means.`,
  ]);
});
