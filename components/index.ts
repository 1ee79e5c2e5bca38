/** What other programs import: the components, the types of what they take and give, and how a cluster is read. */
export { AgentPool, type AgentPoolArgs } from "./agentPool.ts";
export { BackupCron, type BackupCopy, type BackupCronArgs, type BackupDrill, type BackupSource } from "./backupCron.ts";
export {
  type CertificateAuthority,
  type ClientCertificate,
  ClusterIdentity,
  type ClusterIdentityArgs,
} from "./clusterIdentity.ts";
export { ClusterMembers, type ClusterMembersArgs } from "./clusterMembers.ts";
export { ClusterReference, type ClusterReferenceArgs } from "./clusterReference.ts";
export type { BackupOutputs, ClusterOutputs } from "./contract/clusterOutputs.ts";
export { HAProxyBalancer, type HAProxyBalancerArgs } from "./haproxyBalancer.ts";
export { type BastionArgs, type HostArgs, nodeAddressOf } from "./host/host.ts";
export { type CheckedHost, HostChecks, type HostChecksArgs, type HostRole } from "./host/hostCheck.ts";
export type { OwnStack } from "./host/ownStack.ts";
export type { K3sReleaseArgs } from "./k3sRelease.ts";
export { K3sServerPool, type K3sServerPoolArgs, type ServerIdentity } from "./k3sServerPool.ts";
export { type DatastoreSource, MySQLDatastore, type MySQLDatastoreArgs } from "./mysqlDatastore.ts";
export { type Kubeconfig, renderKubeconfig } from "./render/kubeconfig.ts";
export { UpgradeDump, type UpgradeDumpArgs } from "./upgradeDump.ts";
export type { VirtualIp } from "./virtualIp.ts";
