import * as pulumi from "@pulumi/pulumi";
import { AgentPool } from "./components/k3s/agentPool.ts";
import { BackupCron } from "./components/backup/backupCron.ts";
import { clusterProxy, proxyFiles } from "./components/k3s/clusterProxy.ts";
import { ClusterMembers } from "./components/k3s/clusterMembers.ts";
import { ClusterIdentity } from "./components/identity/clusterIdentity.ts";
import { apiNames } from "./components/balancer/apiAddress.ts";
import { ExternalBalancer } from "./components/balancer/externalBalancer.ts";
import { loadSettings } from "./components/config/loadSettings.ts";
import { contractVersion } from "./components/contract/contract.ts";
import { HAProxyBalancer } from "./components/balancer/haproxyBalancer.ts";
import { HostChecks } from "./components/host/hostCheck.ts";
import { nodeAddressOf } from "./components/host/host.ts";
import { K3sServerPool } from "./components/k3s/k3sServerPool.ts";
import { datastoreAddresses, ownDatastoreHost, provisionDatastore } from "./components/datastore/datastoreKinds.ts";
import { UpgradeDump } from "./components/k3s/upgradeDump.ts";
import { renderKubeconfig } from "./components/identity/kubeconfig.ts";

// Pulumi keeps a stack trace of every promise, and has each go through the source maps of its own code: a third of the time
// that a thousand agents take. This program has no source maps.
Reflect.deleteProperty(Error, "prepareStackTrace");

// As Pulumi.yaml has it, for a CLI that is too old to read it there.
await pulumi.runtime.requirePulumiVersion(">=3.259.0 <4.0.0");
const settings = await loadSettings();
const { servers, agentPools, loadBalancer, k3s } = settings;

const proxy = clusterProxy(settings.proxy, {
  servers,
  agentPools,
  loadBalancer,
  datastoreAddresses: datastoreAddresses(settings.datastore),
  serverConfig: k3s.serverConfig,
});
const files = [...proxyFiles(proxy), ...k3s.files];

const identity = new ClusterIdentity("cluster", {
  healthRotation: loadBalancer.certificateRotation,
  healthHours: loadBalancer.certificateHours,
});
// Nothing is changed on any host before every host was reached and found fit.
const hosts = new HostChecks("hosts", {
  hosts: settings.hosts,
  proxy,
  stack: {
    clusterId: identity.id,
    serverAddresses: Object.values(servers).map(nodeAddressOf),
    ...ownDatastoreHost(settings.datastore),
    balancerPorts: [loadBalancer.port, loadBalancer.statsPort],
    sharesAddress: loadBalancer.virtualIp !== undefined,
    writesRegistries: k3s.registries !== undefined,
    backupDirectory: settings.backup?.directory,
  },
});
const checked = { dependsOn: [hosts] };

const datastore = provisionDatastore(
  "datastore",
  settings.datastore,
  {
    servers,
    connectionsPerServer: settings.datastore.connectionsPerServer,
    backupAddress: settings.backup && (settings.backup.host.nodeAddress ?? settings.backup.host.address),
    backupFirst: settings.backup?.beforeChanges === true ? settings.backup.host : undefined,
    token: identity.token,
  },
  { ...checked, protect: settings.safety.protectDatastore },
);

const upgrade =
  settings.backup &&
  new UpgradeDump(
    "upgrade",
    { host: settings.backup.host, hostName: settings.backup.hostName, version: k3s.version },
    checked,
  );

const pool = new K3sServerPool(
  "servers",
  {
    hosts: servers,
    identity,
    release: k3s,
    datastore,
    apiNames: apiNames(loadBalancer),
    externalCheckSeconds: loadBalancer.external?.checkSeconds,
    config: k3s.serverConfig,
    network: k3s.network,
    manifests: k3s.manifests,
    files,
    hardened: k3s.hardened,
    movingFrom: settings.datastore.movingFrom,
    goingBackFrom: k3s.goingBackFrom,
    readySeconds: k3s.readySeconds,
    certificateRotation: k3s.certificateRotation,
  },
  { dependsOn: upgrade ? [hosts, upgrade] : [hosts] },
);

const balancer =
  loadBalancer.external === undefined
    ? new HAProxyBalancer(
        "balancer",
        {
          ...loadBalancer,
          servers: pool.addresses,
          serverCaCertificate: identity.serverAuthority.certificate,
          healthCertificate: identity.healthCertificate,
        },
        checked,
      )
    : new ExternalBalancer(
        "balancer",
        { external: loadBalancer.external, hosts: servers },
        { dependsOn: [hosts, pool] },
      );

const agents = Object.entries(agentPools).map(
  ([name, agentPool]) =>
    new AgentPool(
      name,
      {
        ...agentPool,
        release: k3s.agentRelease,
        apiEndpoint: balancer.apiEndpoint,
        joinToken: identity.agentJoinToken,
        config: k3s.agentConfig,
        network: k3s.network,
        files,
        hardened: k3s.hardened,
        usesExternalAddresses: k3s.serverConfig["flannel-external-ip"] === true,
        readySeconds: k3s.readySeconds,
        certificateRotation: k3s.certificateRotation,
      },
      checked,
    ),
);

new ClusterMembers(
  "members",
  {
    servers,
    network: k3s.network,
    agents: Object.assign({}, ...Object.values(agentPools).map(({ hosts }) => hosts)) as typeof servers,
  },
  { dependsOn: [hosts, pool, balancer, ...agents] },
);

const backups =
  settings.backup &&
  datastore.backup &&
  new BackupCron(
    "backup",
    {
      ...settings.backup,
      drillRequired: settings.safety.production,
      driver: datastore.backup,
      token: identity.token,
      k3sVersion: pool.version,
    },
    { dependsOn: [hosts, pool] },
  );

/** The stack's contract; docs/contract.md describes each. */
export { contractVersion };
export const apiEndpoint = balancer.apiEndpoint;
export const kubeconfig = pulumi.secret(
  pulumi
    .all([balancer.apiEndpoint, identity.serverAuthority.certificate, identity.adminCertificate])
    .apply(([server, caCertificate, { certificate, privateKey }]) =>
      renderKubeconfig({
        name: `k3s-${pulumi.getStack()}`,
        server,
        caCertificate,
        clientCertificate: certificate,
        clientKey: privateKey,
      }),
    ),
);
export const clusterCaCertificate = identity.serverAuthority.certificate;
export const serverAddresses = pool.addresses;
export const agentAddresses = Object.assign(
  {},
  ...agents.map((agentPool) => agentPool.addresses),
) as AgentPool["addresses"];
export const loadBalancerAddresses = balancer.addresses;
export const datastoreEndpoint = datastore.endpoint;
export const datastoreCaCertificate = datastore.caCertificate;
export const joinToken = identity.joinToken;
export const k3sVersion = pool.version;
export const backup =
  backups === undefined
    ? { hostName: "", directory: "", schedule: [], latest: "" }
    : {
        hostName: backups.hostName,
        directory: backups.directory,
        schedule: backups.schedule,
        latest: backups.latest,
      };
