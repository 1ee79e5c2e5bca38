import type { HostArgs } from "../host/host.ts";

/** The settings of K3s that a host has of its own, beside those of its role. */
export type OwnSettings = Pick<HostArgs, "labels" | "taints" | "config">;

/** Lists in which a host's own entries stand beside those of its role. */
const added = ["kubelet-arg", "kube-proxy-arg"];

/** Settings of a role with those of one host: the host's own replace them, its labels, taints and arguments are added. */
export function withHostSettings(
  shared: Readonly<Record<string, unknown>>,
  { labels = {}, taints = [], config = {} }: OwnSettings,
): Record<string, unknown> {
  const list = (key: string) => (shared[key] === undefined ? [] : [shared[key]].flat().map(String));
  const merged = Object.entries(config).map(([key, value]) => [
    key,
    added.includes(key) ? [...list(key), value].flat() : value,
  ]);
  const own = Object.keys(labels).map((key) => `${key}=`);
  const ofRole = list("node-label").filter((label) => !own.some((start) => label.startsWith(start)));
  const allTaints = new Set([...list("node-taint"), ...taints]);
  return {
    ...shared,
    ...(Object.fromEntries(merged) as Record<string, unknown>),
    ...(own.length === 0
      ? {}
      : { "node-label": [...ofRole, ...Object.entries(labels).map(([key, value]) => `${key}=${value}`)] }),
    ...(taints.length === 0 ? {} : { "node-taint": [...allTaints] }),
  };
}

/** The hosts' own settings by node name, for a preview; of hosts that have some. */
export function hostSettingsOf(hosts: Readonly<Record<string, HostArgs>>): Record<string, OwnSettings> {
  const own = Object.entries(hosts).flatMap(([name, { labels, taints, config }]) => {
    const given = Object.entries({ labels, taints, config }).filter(([, value]) => value !== undefined);
    return given.length === 0 ? [] : [[name, Object.fromEntries(given)] as const];
  });
  return Object.fromEntries(own);
}
