import { addressText } from "./datastoreEndpoint.ts";
import type { DatastoreEngine } from "./engine.ts";
import { engineScripts } from "./scripts.ts";

/** An etcd outside of the servers. */
export const etcdEngine: DatastoreEngine = {
  startTls: "",
  preflight: ({ addresses }, variables) => ({
    body: engineScripts.etcdPreflight,
    parts: [engineScripts.clientFiles],
    variables: { ...variables, addresses: addresses.map(addressText) },
  }),
  status: undefined,
};
