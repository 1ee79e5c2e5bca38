import { configPath } from "../configPath.ts";
import type { Problem } from "../problem.ts";
import type { Configuration } from "../schema.ts";

/** Production is claimed: the loss of one server must not be the loss of the API. */
export function singleServerInProduction({ safety, servers, datastore }: Configuration): Problem[] {
  if (safety?.production !== true || servers === undefined || Object.keys(servers).length !== 1) return [];
  if (datastore?.embedded?.engine === "sqlite")
    return [
      {
        path: configPath("safety", "production"),
        fault: `is true, but ${configPath("datastore", "embedded", "engine")} is sqlite, with which a cluster has a single server, and losing it stops the API: choose another datastore and more servers, or set it to false`,
      },
    ];
  const fault = `is true, but ${configPath("servers")} has a single server, and losing it stops the API: add a second or a third one, or set it to false`;
  return [{ path: configPath("safety", "production"), fault }];
}
