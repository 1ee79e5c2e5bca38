/** How a server logs in to a datastore that is none of the stack's, to be asked about it. */
import { renderClientOptions } from "../../components/datastore/engine/clientOptions.ts";
import { type DatastoreEndpoint, parseDatastoreEndpoint } from "../../components/datastore/engine/datastoreEndpoint.ts";
import { libpqEnvironment } from "../../components/datastore/engine/libpqEnvironment.ts";
import { yamlValue } from "../../components/k3s/yamlValue.ts";

/**
 * The variables with which `hostStatus.sh` asks as the one of these endpoints that its own K3s has: element by element, the
 * line of K3s's secret settings, the kind of datastore, and what the kind's client reads. Secret.
 */
export function datastoreLogins(endpoints: readonly string[]) {
  const known = endpoints.flatMap((endpoint) => {
    const parts = parseDatastoreEndpoint(endpoint);
    return parts === undefined ? [] : [{ endpoint, parts }];
  });
  return {
    endpoint_lines: known.map(({ endpoint }) => `datastore-endpoint: ${yamlValue(endpoint)}`),
    endpoint_kinds: known.map(({ parts }) => parts.kind),
    endpoint_logins: known.map(({ parts }) => clientLogin(parts)),
  };
}

function clientLogin(parts: DatastoreEndpoint): string {
  const { kind, addresses, user, password, database } = parts;
  switch (kind) {
    case "mysql": {
      const [{ host: address, port }] = addresses;
      return `${renderClientOptions({ address, port, user, password })}[mysql]\ndatabase=${database}\n`;
    }
    case "postgres":
      return libpqEnvironment(parts).join("\n");
    case "etcd":
      return "";
  }
}
