/** The public API: the components, every type of their arguments and outputs, and the reference to a cluster. */
export { AgentPool, type AgentPoolArgs } from "./k3s/agentPool.ts";
export type { ApiPlaces } from "./balancer/apiAddress.ts";
export { BackupCron } from "./backup/backupCron.ts";
export type { BackupCopy, BackupCronArgs, BackupDrill } from "./backup/backupCronArgs.ts";
export { K3sCluster } from "./cluster.ts";
export type {
  ClusterAgentPoolArgs,
  ClusterBackupArgs,
  ClusterDatastoreArgs,
  ClusterK3sArgs,
  ClusterLoadBalancerArgs,
  K3sClusterArgs,
  SshArgs,
} from "./clusterArgs.ts";
export {
  type CertificateAuthority,
  type ClientCertificate,
  ClusterIdentity,
  type ClusterIdentityArgs,
} from "./identity/clusterIdentity.ts";
export { clusterProxy, type ProxiedCluster, proxyFiles } from "./k3s/clusterProxy.ts";
export { ClusterMembers, type ClusterMembersArgs } from "./k3s/clusterMembers.ts";
export { ClusterReference, type ClusterReferenceArgs } from "./contract/clusterReference.ts";
export type { BackupOutputs, ClusterOutputs } from "./contract/clusterOutputs.ts";
export type { ExistingDatastoreArgs } from "./datastore/existing/existingDatastore.ts";
export { ExternalBalancer, type ExternalBalancerArgs, type ExternalLoadBalancer } from "./balancer/externalBalancer.ts";
export { HAProxyBalancer, type HAProxyBalancerArgs } from "./balancer/haproxyBalancer.ts";
export { type BastionArgs, type HostArgs, nodeAddressOf } from "./host/host.ts";
export { type CheckedHost, HostChecks, type HostChecksArgs, type HostRole } from "./host/hostCheck.ts";
export type { HostFile } from "./host/hostScript.ts";
export type { OwnStack } from "./host/ownStack.ts";
export type { ManagedDatastoreArgs } from "./datastore/managed/managedDatastore.ts";
export type { Architecture, Checksum, ImageArchive, K3sReleaseArgs } from "./k3s/k3sRelease.ts";
export type { NodeFile } from "./k3s/nodeFiles.ts";
export type { K3sRole } from "./k3s/k3sUnit.ts";
export type { ProxyArgs } from "./host/proxy.ts";
export type { ClusterNetwork } from "./k3s/k3sNode.ts";
export { K3sServerPool, type K3sServerPoolArgs, type ServerIdentity } from "./k3s/k3sServerPool.ts";
export type {
  BackupDriver,
  BackupDriverSettings,
  DatastoreClientCertificate,
  DatastoreIdentity,
  ProvisionedDatastore,
  ServerDatastore,
  ServerGuard,
} from "./datastore/datastore.ts";
export {
  type ManagedPostgresDatastoreArgs,
  PostgresDatastore,
  type PostgresDatastoreArgs,
  type PostgresEndpointArgs,
} from "./datastore/postgresDatastore.ts";
export type { ManagedPostgresArgs } from "./datastore/postgres/managedPostgres.ts";
export { EtcdDatastore, type EtcdDatastoreArgs } from "./datastore/etcdDatastore.ts";
export type { ManagedEtcdArgs } from "./datastore/etcd/managedEtcd.ts";
export type { DatastoreChoice, DatastoreKindArgs, DatastoreKindName } from "./datastore/datastoreKinds.ts";
export type { ManagedEngine, ManagedEngineArgs, ManagedKindArgs } from "./datastore/managedEngines.ts";
export type { EmbeddedDatastoreArgs } from "./datastore/embedded/embeddedKind.ts";
export { SQLiteDatastore, type SQLiteDatastoreArgs } from "./datastore/embedded/sqliteDatastore.ts";
export { EmbeddedEtcdDatastore, type EmbeddedEtcdArgs } from "./datastore/embedded/etcdDatastore.ts";
export type { EndpointArgs } from "./datastore/endpoint/endpointAccess.ts";
export type { EndpointKindArgs } from "./datastore/endpoint/endpointKind.ts";
export type { DatastoreAddress, EngineName } from "./datastore/engine/datastoreEndpoint.ts";
export { type BackupSource, mysqlBackup } from "./datastore/engine/mysqlBackup.ts";
export { type PostgresBackupSource, postgresBackup } from "./datastore/engine/postgresBackup.ts";
export { MySQLDatastore, type MySQLDatastoreArgs } from "./datastore/mysqlDatastore.ts";
export type { ExternalDatastoreArgs } from "./datastore/externalDatastore.ts";
export { type ExternalDatastoreLogin, serverDatastore } from "./datastore/serverDatastore.ts";
export { type Kubeconfig, renderKubeconfig } from "./identity/kubeconfig.ts";
export type { Registries } from "./k3s/registries.ts";
export { UpgradeDump, type UpgradeDumpArgs } from "./k3s/upgradeDump.ts";
export type { VirtualIp } from "./balancer/virtualIp.ts";
