import { smallStack } from "../stack.ts";
import { host, pool, refuses } from "./refusal.ts";

refuses("agent pools", [
  {
    name: "a pool's name with a dot",
    config: pool({}, "work.ers"),
    problems: [
      'k3s-ha:agentPools["work.ers"] has the name "work.ers", but a pool\'s name has to be at most 63 of the characters a to z, 0 to 9 and "-": rename it.',
    ],
  },
  {
    name: "an empty wave",
    config: pool({ waveWidth: 0 }),
    problems: [
      "k3s-ha:agentPools.workers.waveWidth is 0, but has to be a whole number of at least 1: write how many agents may change at the same time.",
    ],
  },
  {
    name: "a time to drain that is none",
    config: pool({ drainSeconds: -1 }),
    problems: [
      "k3s-ha:agentPools.workers.drainSeconds is -1, but has to be a whole number from 0 to 3600: write the seconds for draining an agent before K3s restarts on it.",
    ],
  },
  {
    name: "a label that is no text",
    config: pool({ labels: { "example.com/gpu": true } }),
    problems: [
      'k3s-ha:agentPools.workers.labels["example.com/gpu"] is true, but has to be text: put quotes around it.',
    ],
  },
  {
    name: "a label's key with a space",
    config: pool({ labels: { "a b": "c" } }),
    problems: [
      'k3s-ha:agentPools.workers.labels["a b"] is not a label\'s key: write a name of at most 63 letters, digits, "-", "_" and ".", optionally after a DNS name and "/", such as "example.com/tier".',
    ],
  },
  {
    name: "a label's value with a slash",
    config: pool({ labels: { tier: "a/b" } }),
    problems: [
      'k3s-ha:agentPools.workers.labels.tier is "a/b", but a label\'s value has to be empty or at most 63 letters, digits, "-", "_" and ".", with a letter or digit at both ends: correct it.',
    ],
  },
  {
    name: "a label that kubelet may not set",
    config: pool({ labels: { "node-role.kubernetes.io/worker": "true" } }),
    problems: [
      'k3s-ha:agentPools.workers.labels["node-role.kubernetes.io/worker"] is a label that a node may not set on itself, so its kubelet would not start: use your own prefix, or set it with kubectl after the node has joined.',
    ],
  },
  {
    name: "a taint without an effect",
    config: pool({ taints: ["dedicated=edge"] }),
    problems: [
      'k3s-ha:agentPools.workers.taints[0] is "dedicated=edge", but has to be a taint as key=value:effect, with the effect NoSchedule, PreferNoSchedule, NoExecute: write it like "dedicated=ingress:NoSchedule".',
    ],
  },
  {
    name: "a taint with an unknown effect",
    config: pool({ taints: ["dedicated=edge:NoRun"] }),
    problems: [
      'k3s-ha:agentPools.workers.taints[0] is "dedicated=edge:NoRun", but has to be a taint as key=value:effect, with the effect NoSchedule, PreferNoSchedule, NoExecute: write it like "dedicated=ingress:NoSchedule".',
    ],
  },
  {
    name: "taints that are no list",
    config: pool({ taints: "dedicated=edge:NoSchedule" }),
    problems: [
      'k3s-ha:agentPools.workers.taints is "dedicated=edge:NoSchedule", but has to be a list: write it like ["dedicated=ingress:NoSchedule"].',
    ],
  },
  {
    name: "two agents that have one name with their pools",
    config: {
      ...smallStack,
      agentPools: {
        web: { hosts: { "edge-1": host("198.51.100.41") } },
        "web-edge": { hosts: { "1": host("198.51.100.42") } },
      },
    },
    problems: [
      'k3s-ha:agentPools.web-edge.hosts.1 has the name "web-edge-1" together with its pool, as k3s-ha:agentPools.web.hosts.edge-1 has, and Pulumi could not tell them apart: rename one of the pools or hosts.',
    ],
  },
]);
