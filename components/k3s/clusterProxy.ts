import * as pulumi from "@pulumi/pulumi";
import { type ApiPlaces, apiNames } from "../balancer/apiAddress.ts";
import { type HostArgs, nodeAddressesOf } from "../host/host.ts";
import { type ProxyArgs, proxyEnvironment } from "../host/proxy.ts";
import type { NodeFile } from "./nodeFiles.ts";
import { type K3sRole, k3sUnitNames } from "./k3sUnit.ts";
import { writtenBy } from "../host/writtenBy.ts";

/** The parts of a cluster that nodes reach directly. */
export interface ProxiedCluster {
  readonly servers: Readonly<Record<string, HostArgs>>;
  readonly agentPools: Readonly<Record<string, { readonly hosts: Readonly<Record<string, HostArgs>> }>>;
  readonly loadBalancer: ApiPlaces;
  readonly datastoreAddresses: pulumi.Input<string[]>;
  readonly serverConfig: Readonly<Record<string, unknown>>;
}

/** The environment with a cluster's proxy, and without the cluster itself; undefined without a proxy. */
export function clusterProxy(proxy: ProxyArgs | undefined, cluster: ProxiedCluster): pulumi.Output<string> | undefined {
  if (proxy === undefined) return undefined;
  const { loadBalancer, serverConfig } = cluster;
  const setting = (key: string, standard: string) =>
    [serverConfig[key] ?? standard]
      .flat()
      .map(String)
      .flatMap((text) => text.split(/, */));
  const agents = Object.values(cluster.agentPools).flatMap(({ hosts }) => Object.values(hosts));
  return proxyEnvironment(proxy, {
    nodes: [...Object.values(cluster.servers), ...agents].flatMap(nodeAddressesOf),
    others: [
      ...setting("cluster-cidr", "10.42.0.0/16"),
      ...setting("service-cidr", "10.43.0.0/16"),
      ".svc",
      ...setting("cluster-domain", "cluster.local").map((domain) => `.${domain}`),
      ...apiNames(loadBalancer),
      cluster.datastoreAddresses,
    ],
  });
}

/** The file with the proxy of K3s, which its unit reads. It changes on one node after the other. */
const environmentPath = "/etc/k3s-ha/k3s-proxy.env";

/** The files that give K3s its proxy; none without one. */
export function proxyFiles(environment: pulumi.Output<string> | undefined): NodeFile[] {
  if (environment === undefined) return [];
  const dropIn = (role: K3sRole): NodeFile => ({
    path: `/etc/systemd/system/${k3sUnitNames[role]}.service.d/90-k3s-ha-proxy.conf`,
    content: `# ${writtenBy}\n[Service]\nEnvironmentFile=${environmentPath}\n`,
    mode: "0644",
    role,
  });
  return [{ path: environmentPath, content: environment }, dropIn("server"), dropIn("agent")];
}
