import { configPath } from "../configPath.ts";
import type { Problem } from "../problem.ts";
import type { Configuration } from "../schema.ts";

/** Parts of a proxy without the proxy itself. */
export function proxyProblems(configuration: Configuration, credentials: string): Problem[] {
  const given = configuration.proxy;
  if (given === undefined || given.http !== undefined || given.https !== undefined) return [];
  const remedy = `set ${configPath("proxy", "http")}, or remove it`;
  return [
    ...(given.noProxy.length === 0
      ? []
      : [{ path: configPath("proxy", "noProxy"), fault: `is set, but there is no proxy: ${remedy}` }]),
    ...(credentials === ""
      ? []
      : [{ path: configPath("proxyCredentials"), fault: `is set, but there is no proxy: ${remedy}` }]),
  ];
}
