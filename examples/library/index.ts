/** A cluster for builds: two servers, a datastore whose host also takes the backups, one load balancer, a pool of agents. */
import { type HostArgs, K3sCluster } from "k3s-ha";
import * as pulumi from "@pulumi/pulumi";

const config = new pulumi.Config();
const hostKeys = config.requireObject<Record<string, string>>("hostKeys");

/** A host of ours. Its host key identifies it. */
function host(name: string, address: string): HostArgs {
  const hostKey = hostKeys[name];
  if (hostKey === undefined) throw new pulumi.RunError(`hostKeys has no key of ${name}`);
  return { address, hostKey };
}

const cluster = new K3sCluster("builds", {
  ssh: { privateKey: config.requireSecret("sshPrivateKey") },
  servers: {
    "server-1": host("server-1", "10.0.0.11"),
    "server-2": host("server-2", "10.0.0.12"),
  },
  agentPools: {
    builders: {
      hosts: {
        "builder-1": host("builder-1", "10.0.0.41"),
        "builder-2": host("builder-2", "10.0.0.42"),
      },
      labels: { "example.com/builds": "yes" },
      taints: ["example.com/builds=yes:NoSchedule"],
    },
  },
  loadBalancer: { hosts: { proxy: host("proxy", "10.0.0.30") }, names: ["k8s.example.com"] },
  datastore: {
    managed: { hostName: "database", host: host("database", "10.0.0.20") },
    // Prevents an accidental deletion.
    protect: true,
  },
  backup: { schedule: "*/30 * * * *", keep: 24 },
  k3s: { version: "v1.35.0+k3s1" },
});

export const apiEndpoint = cluster.apiEndpoint;
export const builderAddresses = cluster.agentAddresses;
export const latestBackup = cluster.backup.latest;
export const kubeconfig = cluster.kubeconfig;
