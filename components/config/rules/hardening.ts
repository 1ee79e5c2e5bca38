import { configPath } from "../configPath.ts";
import type { Problem } from "../problem.ts";
import type { Configuration } from "../schema.ts";

/** Settings and arguments that undo what the hardening guide asks for, by K3s's key. */
const contradictions: Readonly<Record<string, (value: string) => boolean>> = {
  "protect-kernel-defaults": (value) => value !== "true",
  "write-kubeconfig-mode": (value) => !/^0?[46]00$/.test(value),
  "kube-apiserver-arg": (value) =>
    /^-*(anonymous-auth=true|profiling=true|authorization-mode=(.*,)?AlwaysAllow\b|admission-control-config-file=|audit-log-path=$)/.test(
      value,
    ) ||
    (/^-*enable-admission-plugins=/.test(value) && !/[=,]EventRateLimit(,|$)/.test(value)) ||
    /^-*disable-admission-plugins=(.*,)?(PodSecurity|EventRateLimit|NodeRestriction)(,|$)/.test(value),
  "kube-controller-manager-arg": (value) => /^-*(profiling=true|use-service-account-credentials=false)/.test(value),
  "kube-scheduler-arg": (value) => /^-*profiling=true/.test(value),
  "kubelet-arg": (value) =>
    /^-*(anonymous-auth=true|read-only-port=[1-9]|protect-kernel-defaults=false|make-iptables-util-chains=false|authorization-mode=AlwaysAllow|streaming-connection-idle-timeout=0s?$)/.test(
      value,
    ),
};

/** Settings of K3s that undo the hardening which the same configuration asks for. */
export function undoneHardening({ k3s }: Configuration): Problem[] {
  if (k3s?.hardened !== true) return [];
  return (["serverConfig", "agentConfig"] as const).flatMap((section) =>
    Object.entries(k3s[section]).flatMap(([key, value]) => {
      const name = key.replace(/\+$/, "");
      const undoes = Object.hasOwn(contradictions, name) ? contradictions[name] : undefined;
      const found = [value]
        .flat()
        .map(String)
        .find((item) => undoes?.(item));
      if (found === undefined) return [];
      const fault = `has ${JSON.stringify(found)}, which undoes a part of ${configPath("k3s", "hardened")}: remove one of the two`;
      return [{ path: configPath("k3s", section, key), fault }];
    }),
  );
}
