import { isDnsName } from "./address.ts";

const name = /^[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$/;

/** Prefixes, in Kubernetes' own namespaces, under which a node may label itself; the API refuses it all others. */
const ownPrefixes = ["kubelet.kubernetes.io", "node.kubernetes.io"];

/** Labels of Kubernetes' own that a node may set on itself. */
const ownLabels = [
  "beta.kubernetes.io/arch",
  "beta.kubernetes.io/instance-type",
  "beta.kubernetes.io/os",
  "failure-domain.beta.kubernetes.io/region",
  "failure-domain.beta.kubernetes.io/zone",
  "kubernetes.io/arch",
  "kubernetes.io/hostname",
  "kubernetes.io/os",
  "node.kubernetes.io/instance-type",
  "topology.kubernetes.io/region",
  "topology.kubernetes.io/zone",
];

const taintEffects = ["NoSchedule", "PreferNoSchedule", "NoExecute"];

function isQualifiedName(key: string): boolean {
  const parts = key.split("/");
  const last = parts.pop() ?? "";
  return name.test(last) && (parts.length === 0 || (parts.length === 1 && isDnsName(parts[0] ?? "")));
}

function isLabelValue(value: string): boolean {
  return value === "" || name.test(value);
}

/** Why a node cannot join with this label, with the remedy, or undefined. */
export function labelFault(key: string, value: string): string | undefined {
  if (!isQualifiedName(key)) {
    return `is not a label's key: write a name of at most 63 letters, digits, "-", "_" and ".", optionally after a DNS name and "/", such as "example.com/tier"`;
  }
  const [prefix] = key.split("/");
  const isReserved = key.includes("/") && /(^|\.)(kubernetes|k8s)\.io$/.test(prefix ?? "");
  const isAllowed = ownLabels.includes(key) || ownPrefixes.some((own) => prefix === own || prefix?.endsWith(`.${own}`));
  if (isReserved && !isAllowed) {
    return `is a label that a node may not set on itself, so its kubelet would not start: use your own prefix, or set it with kubectl after the node has joined`;
  }
  if (!isLabelValue(value)) {
    return `is ${JSON.stringify(value)}, but a label's value has to be empty or at most 63 letters, digits, "-", "_" and ".", with a letter or digit at both ends: correct it`;
  }
  return undefined;
}

/** As `labelFault`, for a label as K3s's `node-label` has it: key=value. */
export function k3sLabelFault(label: string): string | undefined {
  const [, key, value] = /^([^=]*)=(.*)$/s.exec(label) ?? [];
  if (key === undefined || value === undefined)
    return 'has to be a label as key=value: write it like "example.com/tier=web"';
  const fault = labelFault(key, value);
  return fault === undefined || fault.startsWith("is ") ? fault : `is ${fault}`;
}

/** Why a node cannot join with this taint, with the remedy, or undefined. */
export function taintFault(taint: string): string | undefined {
  const [, key = "", value = "", effect = ""] = /^([^=:]*)(?:=([^:]*))?:(.*)$/.exec(taint) ?? [];
  if (isQualifiedName(key) && isLabelValue(value) && taintEffects.includes(effect)) return undefined;
  return `has to be a taint as key=value:effect, with the effect ${taintEffects.join(", ")}: write it like "dedicated=ingress:NoSchedule"`;
}
