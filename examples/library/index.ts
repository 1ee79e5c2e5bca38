/** A cluster in a program's own wiring: two servers, a database that also takes the backups, one balancer, a pool of agents. */
import {
  AgentPool,
  BackupCron,
  ClusterIdentity,
  HAProxyBalancer,
  type HostArgs,
  HostChecks,
  K3sServerPool,
  MySQLDatastore,
  nodeAddressOf,
  renderKubeconfig,
} from "k3s-ha";
import * as pulumi from "@pulumi/pulumi";

const config = new pulumi.Config();
const hostKeys = config.requireObject<Record<string, string>>("hostKeys");
const privateKey = config.requireSecret("sshPrivateKey");

/** A machine of ours. Nobody is believed to be it without its host key. */
function machine(name: string, address: string): HostArgs {
  const hostKey = hostKeys[name];
  if (hostKey === undefined) throw new pulumi.RunError(`hostKeys has no key of ${name}`);
  return { address, hostKey, privateKey };
}

const database = machine("database", "10.0.0.20");
const proxy = machine("proxy", "10.0.0.30");
const servers = { "server-1": machine("server-1", "10.0.0.11"), "server-2": machine("server-2", "10.0.0.12") };
const builders = { "builder-1": machine("builder-1", "10.0.0.41"), "builder-2": machine("builder-2", "10.0.0.42") };
const release = { version: "v1.35.0+k3s1" };

const identity = new ClusterIdentity("cluster");

// Every host is looked at before any of them is changed: whatever follows depends on it.
const hosts = new HostChecks("hosts", {
  hosts: {
    database: { host: database, path: "database", role: "datastore" },
    proxy: { host: proxy, path: "proxy", role: "loadBalancer" },
    "server-1": { host: servers["server-1"], path: "server-1", role: "server" },
    "server-2": { host: servers["server-2"], path: "server-2", role: "server" },
    "builder-1": { host: builders["builder-1"], path: "builder-1", role: "agent" },
    "builder-2": { host: builders["builder-2"], path: "builder-2", role: "agent" },
  },
  // What the owner's mark on each host tells this cluster by.
  stack: { clusterId: identity.id, serverAddresses: Object.values(servers).map(nodeAddressOf) },
});

const datastore = new MySQLDatastore(
  "datastore",
  {
    managed: { host: database, hostName: "database" },
    servers,
    token: identity.token,
  },
  // A database is not to be lost to a slip of the pen.
  { dependsOn: hosts, protect: true },
);

const pool = new K3sServerPool(
  "servers",
  {
    hosts: servers,
    identity,
    release,
    datastoreEndpoint: datastore.endpoint,
    datastoreCaCertificate: datastore.caCertificate,
    apiNames: [nodeAddressOf(proxy), "k8s.example.com"],
    needs: datastore.clients,
  },
  { dependsOn: hosts },
);

const balancer = new HAProxyBalancer(
  "balancer",
  {
    hosts: { proxy },
    servers: pool.addresses,
    serverCaCertificate: identity.serverAuthority.certificate,
    healthCertificate: identity.healthCertificate,
  },
  { dependsOn: hosts },
);

const agents = new AgentPool(
  "builders",
  {
    hosts: builders,
    release,
    apiEndpoint: balancer.apiEndpoint,
    joinToken: identity.agentJoinToken,
    labels: { "example.com/builds": "yes" },
    taints: ["example.com/builds=yes:NoSchedule"],
  },
  { dependsOn: hosts },
);

const backups = new BackupCron(
  "backup",
  {
    host: database,
    hostName: "database",
    source: datastore.backupSource,
    token: identity.token,
    k3sVersion: pool.version,
    schedule: "*/30 * * * *",
    keep: 24,
  },
  { dependsOn: [hosts, pool] },
);

export const apiEndpoint = balancer.apiEndpoint;
export const builderAddresses = agents.addresses;
export const latestBackup = backups.latest;
export const kubeconfig = pulumi.secret(
  pulumi
    .all([balancer.apiEndpoint, identity.serverAuthority.certificate, identity.adminCertificate])
    .apply(([server, caCertificate, { certificate, privateKey: clientKey }]) =>
      renderKubeconfig({ name: "builds", server, caCertificate, clientCertificate: certificate, clientKey }),
    ),
);
