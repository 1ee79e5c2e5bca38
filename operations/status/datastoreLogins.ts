/** A server's login for the report of an external datastore. */
import { embeddedScripts } from "../../components/datastore/embedded/scripts.ts";
import { parseDatastoreEndpoint } from "../../components/datastore/engine/datastoreEndpoint.ts";
import { engines } from "../../components/datastore/engine/engines.ts";
import { yamlValue } from "../../components/k3s/yamlValue.ts";

/**
 * The variables with which `hostStatus.sh` asks as the one of these endpoints that its own K3s has: element by element, the
 * line of K3s's secret settings, the function that asks its engine, and what the engine's client reads. Secret.
 */
export function datastoreLogins(endpoints: readonly string[]) {
  const known = endpoints.flatMap((endpoint) => {
    const parts = parseDatastoreEndpoint(endpoint);
    return parts === undefined ? [] : [{ endpoint, parts }];
  });
  return {
    endpoint_lines: known.map(({ endpoint }) => `datastore-endpoint: ${yamlValue(endpoint)}`),
    endpoint_tellers: known.map(({ parts }) => engines[parts.kind].status?.teller ?? ""),
    endpoint_logins: known.map(({ parts }) => engines[parts.kind].status?.login(parts) ?? ""),
  };
}

/** The scripts with the functions that query a datastore inside the servers. */
export const embeddedStatusScripts = [embeddedScripts.sqliteStatus, embeddedScripts.etcdServerStatus];

/** The scripts with the functions that query an engine. */
export const engineStatusScripts = Object.values(engines).flatMap(({ status }) =>
  status === undefined ? [] : [status.script],
);
