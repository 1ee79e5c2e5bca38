/** Pulumi's namespace of this project's configuration: the project's name. */
export const namespace = "k3s-ha";

/**
 * The path of a value as messages show it and as `pulumi config --path` takes it, such as
 * `k3s-ha:servers.server-2.address`, `k3s-ha:agentPools.workers.taints[0]` or `k3s-ha:servers["db.example"]`.
 */
export function configPath(key: string, ...steps: readonly PropertyKey[]): string {
  const below = steps.map((step) => {
    if (typeof step === "number") return `[${step}]`;
    const name = String(step);
    return /^[\w-]+$/.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`;
  });
  return `${namespace}:${key}${below.join("")}`;
}
