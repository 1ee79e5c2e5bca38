import { compareReleases, minorsBetween } from "../../k3s/releaseOrder.ts";
import { configPath } from "../configPath.ts";
import type { Problem } from "../problem.ts";
import type { Configuration } from "../schema.ts";

/** The largest supported lag of a kubelet behind the API server, in minor versions. */
const mostBehind = 3;

/** Agents may be behind the servers, for a while, and never ahead of them. */
export function agentsOfAnotherRelease({ k3s }: Configuration): Problem[] {
  const path = configPath("k3s", "agentVersion");
  if (k3s?.agentVersion === undefined) return [];
  const { version, agentVersion } = k3s;
  if (compareReleases(agentVersion, version) > 0) {
    const fault = `is ${agentVersion}, which is newer than the servers' ${version}, but a kubelet must not be newer than the API: upgrade the servers first, by k3s-ha:k3s.version, or remove agentVersion`;
    return [{ path, fault }];
  }
  if (minorsBetween(agentVersion, version) <= mostBehind) return [];
  const fault = `is ${agentVersion}, more than ${mostBehind} minor versions behind the servers' ${version}, but a kubelet must not be older than that: set a newer release, or remove agentVersion`;
  return [{ path, fault }];
}
