import * as pulumi from "@pulumi/pulumi";
import { AgentPool } from "./k3s/agentPool.ts";
import { BackupCron } from "./backup/backupCron.ts";
import type { K3sClusterArgs } from "./clusterArgs.ts";
import { clusterHosts } from "./clusterHosts.ts";
import { clusterProxy, proxyFiles } from "./k3s/clusterProxy.ts";
import { ClusterIdentity } from "./identity/clusterIdentity.ts";
import { ClusterMembers } from "./k3s/clusterMembers.ts";
import type { BackupOutputs, ClusterOutputs } from "./contract/clusterOutputs.ts";
import { apiNames } from "./balancer/apiAddress.ts";
import { defaultCheckSeconds, ExternalBalancer } from "./balancer/externalBalancer.ts";
import { HAProxyBalancer } from "./balancer/haproxyBalancer.ts";
import { nodeAddressOf } from "./host/host.ts";
import { HostChecks } from "./host/hostCheck.ts";
import { K3sServerPool } from "./k3s/k3sServerPool.ts";
import {
  addressTowardDatastore,
  datastoreAddresses,
  ownDatastoreHost,
  provisionDatastore,
} from "./datastore/datastoreKinds.ts";
import { renderKubeconfig } from "./identity/kubeconfig.ts";
import { UpgradeDump } from "./k3s/upgradeDump.ts";

/**
 * A highly available K3s cluster on an external datastore: identity, checks of the hosts, datastore, servers, load
 * balancers, agents and backups, wired as the program of this project wires them.
 *
 * @example
 * const cluster = new K3sCluster("builds", {
 *   servers: {
 *     "server-1": { address: "203.0.113.11", hostKey: "ssh-ed25519 AAAA…" },
 *     "server-2": { address: "203.0.113.12", hostKey: "ssh-ed25519 AAAA…" },
 *   },
 *   loadBalancer: { hosts: { "lb-1": { address: "203.0.113.30", hostKey: "ssh-ed25519 AAAA…" } } },
 *   datastore: {
 *     managed: { hostName: "db-1", host: { address: "203.0.113.20", hostKey: "ssh-ed25519 AAAA…" } },
 *   },
 *   k3s: { version: "v1.35.0+k3s1" },
 * });
 * const kubernetes = new k8s.Provider("builds", { kubeconfig: cluster.kubeconfig });
 */
export class K3sCluster extends pulumi.ComponentResource implements ClusterOutputs {
  /** `https://address:port` of the Kubernetes API. Known once the load balancers are verified to serve it. */
  readonly apiEndpoint: pulumi.Output<string>;
  /** kubeconfig of an administrator; its certificate is valid for a year, and an `up` in its last three months renews it. Secret. */
  readonly kubeconfig: pulumi.Output<string>;
  /** PEM of the CA that the API is verified with. */
  readonly clusterCaCertificate: pulumi.Output<string>;
  /** Addresses of the servers by node name, lost ones left out. Known once all of them are ready. */
  readonly serverAddresses: pulumi.Output<Record<string, string>>;
  /** Addresses of the agents by node name, lost ones left out. Known once all of them are ready. */
  readonly agentAddresses: pulumi.Output<Record<string, string>>;
  /** Addresses of the load balancer's hosts by name. */
  readonly loadBalancerAddresses: pulumi.Output<Record<string, string>>;
  /** K3s's `datastore-endpoint`, with its password; empty if K3s keeps its state in its server. Secret. */
  readonly datastoreEndpoint: pulumi.Output<string>;
  /** PEM of the CA that the datastore is verified with; empty if K3s keeps its state in its server. */
  readonly datastoreCaCertificate: pulumi.Output<string>;
  /** Token that servers join with: `K10<hash of the CA>::server:<token>`. Every backup needs it. Secret. */
  readonly joinToken: pulumi.Output<string>;
  /** The release that the servers run. */
  readonly k3sVersion: pulumi.Output<string>;
  /** Place, schedule and newest of the backups; all empty if `backup` is not set. */
  readonly backup: pulumi.Output<BackupOutputs>;

  /**
   * @throws pulumi.InputPropertyError, before any host is reached, about two hosts with one name, a backup host that is
   * none of the cluster's, and whatever the parts of the cluster refuse.
   */
  constructor(name: string, args: K3sClusterArgs, opts?: pulumi.ComponentResourceOptions) {
    super("k3s-ha:index:K3sCluster", name, {}, opts);
    const { servers, agentPools, loadBalancer, datastore, backup, checked, lostHosts } = clusterHosts(name, args);
    const {
      agentVersion,
      serverConfig,
      agentConfig,
      goingBackFrom,
      readySeconds,
      certificateRotation,
      network,
      manifests,
      files: nodeFiles = [],
      hardened,
      ...release
    } = args.k3s;

    const proxy = clusterProxy(args.proxy, {
      servers,
      agentPools,
      loadBalancer,
      datastoreAddresses: datastoreAddresses(datastore),
      serverConfig: serverConfig ?? {},
    });
    const files = [...proxyFiles(proxy), ...nodeFiles];

    const identity = new ClusterIdentity(
      `${name}-identity`,
      { healthRotation: loadBalancer.certificateRotation, healthHours: loadBalancer.certificateHours },
      { parent: this },
    );
    const hosts = new HostChecks(
      `${name}-hosts`,
      {
        hosts: checked,
        proxy,
        stack: {
          clusterId: identity.id,
          serverAddresses: Object.values(servers).map(nodeAddressOf),
          ...ownDatastoreHost(datastore),
          balancerPorts: [loadBalancer.port ?? 6443, loadBalancer.statsPort ?? 8404],
          sharesAddress: loadBalancer.virtualIp !== undefined,
          writesRegistries: release.registries !== undefined,
        },
      },
      { parent: this },
    );
    const onCheckedHosts = { parent: this, dependsOn: hosts };

    const provisioned = provisionDatastore(
      `${name}-datastore`,
      datastore,
      {
        servers,
        connectionsPerServer: datastore.connectionsPerServer,
        backupAddress: backup && addressTowardDatastore(datastore, backup.host),
        backupFirst: backup?.beforeChanges === false ? undefined : backup?.host,
        token: identity.token,
      },
      { ...onCheckedHosts, protect: datastore.protect },
    );
    if (backup !== undefined && provisioned.backup === undefined) {
      const reason =
        "is set, but this datastore cannot be backed up by BackupCron: remove it, and back it up by its own means";
      throw new pulumi.InputPropertyError({ propertyPath: `${name}.backup`, reason });
    }
    const upgrade =
      backup &&
      new UpgradeDump(
        `${name}-upgrade`,
        { host: backup.host, hostName: backup.hostName, version: release.version },
        onCheckedHosts,
      );
    const pool = new K3sServerPool(
      `${name}-servers`,
      {
        hosts: servers,
        identity,
        release,
        datastore: provisioned,
        apiNames: apiNames(loadBalancer),
        externalCheckSeconds: loadBalancer.external && (loadBalancer.external.checkSeconds ?? defaultCheckSeconds),
        config: serverConfig,
        network,
        manifests,
        files,
        hardened,
        movingFrom: datastore.movingFrom,
        goingBackFrom,
        readySeconds,
        certificateRotation,
      },
      { parent: this, dependsOn: upgrade ? [hosts, upgrade] : hosts },
    );
    const balancer =
      loadBalancer.external === undefined
        ? new HAProxyBalancer(
            `${name}-balancer`,
            {
              ...loadBalancer,
              servers: pool.addresses,
              serverCaCertificate: identity.serverAuthority.certificate,
              healthCertificate: identity.healthCertificate,
            },
            onCheckedHosts,
          )
        : new ExternalBalancer(
            `${name}-balancer`,
            { external: loadBalancer.external, hosts: servers },
            { parent: this, dependsOn: [hosts, pool] },
          );
    // A checksum is of one release.
    const isServers = agentVersion === undefined || agentVersion === release.version;
    const agentRelease = isServers ? release : { ...release, version: agentVersion, sha256: undefined };
    const agents = Object.entries(agentPools).map(
      ([poolName, agentPool]) =>
        new AgentPool(
          `${name}-${poolName}`,
          {
            ...agentPool,
            release: agentRelease,
            apiEndpoint: balancer.apiEndpoint,
            joinToken: identity.agentJoinToken,
            config: agentConfig,
            network,
            files,
            hardened,
            usesExternalAddresses: serverConfig?.["flannel-external-ip"] === true,
            readySeconds,
            certificateRotation,
          },
          onCheckedHosts,
        ),
    );
    new ClusterMembers(
      `${name}-members`,
      { servers, network, agents: merged(Object.values(agentPools).map(({ hosts }) => hosts)) },
      { parent: this, dependsOn: [hosts, pool, balancer, ...agents] },
    );
    const backups =
      backup &&
      provisioned.backup &&
      new BackupCron(
        `${name}-backup`,
        { ...backup, lostHosts, driver: provisioned.backup, token: identity.token, k3sVersion: pool.version },
        { parent: this, dependsOn: [hosts, pool] },
      );

    this.apiEndpoint = balancer.apiEndpoint;
    this.kubeconfig = pulumi.secret(
      pulumi
        .all([balancer.apiEndpoint, identity.serverAuthority.certificate, identity.adminCertificate])
        .apply(([server, caCertificate, { certificate, privateKey }]) =>
          renderKubeconfig({ name, server, caCertificate, clientCertificate: certificate, clientKey: privateKey }),
        ),
    );
    this.clusterCaCertificate = identity.serverAuthority.certificate;
    this.serverAddresses = pulumi.output(pool.addresses);
    this.agentAddresses = pulumi.output(merged(agents.map(({ addresses }) => addresses)));
    this.loadBalancerAddresses = pulumi.output(balancer.addresses);
    this.datastoreEndpoint = provisioned.endpoint;
    this.datastoreCaCertificate = provisioned.caCertificate;
    this.joinToken = identity.joinToken;
    this.k3sVersion = pool.version;
    this.backup = pulumi.output(
      backups === undefined
        ? { hostName: "", directory: "", schedule: [], latest: "" }
        : {
            hostName: backups.hostName,
            directory: backups.directory,
            schedule: backups.schedule,
            latest: backups.latest,
          },
    );
    this.registerOutputs({
      apiEndpoint: this.apiEndpoint,
      kubeconfig: this.kubeconfig,
      clusterCaCertificate: this.clusterCaCertificate,
      serverAddresses: this.serverAddresses,
      agentAddresses: this.agentAddresses,
      loadBalancerAddresses: this.loadBalancerAddresses,
      datastoreEndpoint: this.datastoreEndpoint,
      datastoreCaCertificate: this.datastoreCaCertificate,
      joinToken: this.joinToken,
      k3sVersion: this.k3sVersion,
      backup: this.backup,
    });
  }
}

function merged<Value>(maps: readonly Readonly<Record<string, Value>>[]): Record<string, Value> {
  return Object.fromEntries(maps.flatMap((map) => Object.entries(map)));
}
