/** The smallest highly available cluster: three servers, two of which are load balancers too, and the third the datastore's host. */
import { addressOf, type StackConfig } from "./sandboxCluster.ts";

/** Its hosts, by what they are. */
export const threeHosts = {
  servers: ["server-1", "server-2", "server-3"],
  balancers: ["server-1", "server-2"],
  datastore: "server-3",
} as const;

/** Where clients find its API: a virtual IP, and a port that K3s does not use. */
export const threeHostsApi = { address: addressOf("server-1").replace(/\d+$/, "100"), port: 7443 };

/** Its configuration, from the dev stack's. Default of `datastore`: a MariaDB on the third host. */
export function threeHostsConfig(
  dev: StackConfig,
  datastore: object = { managed: { name: "db-1", onServer: threeHosts.datastore } },
): StackConfig {
  const { address, port } = threeHostsApi;
  const [first, second] = threeHosts.balancers;
  return {
    ...dev,
    agentPools: {},
    servers: Object.fromEntries(threeHosts.servers.map((name) => [name, { address: addressOf(name) }])),
    loadBalancer: { onServers: { "lb-1": first, "lb-2": second }, virtualIp: { address }, port },
    datastore,
  };
}
