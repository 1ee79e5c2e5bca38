import { impossibleMove } from "./datastoreMove.ts";
import { agentsOfAnotherRelease } from "./agentVersion.ts";
import { hostsOf, ownHosts } from "../hosts.ts";
import type { Problem } from "../problem.ts";
import type { Configuration } from "../schema.ts";
import { unusableCopy } from "./backupCopy.ts";
import { unknownBackupHost } from "./backupPlace.ts";
import {
  hostsInClusterNetworks,
  invalidClusterNetworks,
  overlappingClusterNetworks,
  twoNetworks,
} from "./clusterNetworks.ts";
import { unfitFamilies, unfitNodeFamilies, unfitNodeSizes } from "./dualStack.ts";
import { besideExternalBalancer, unusableExternalBalancer } from "./externalBalancer.ts";
import { undoneHardening } from "./hardening.ts";
import { missingNodeAddresses, ownBastions, repeatedConnections, repeatedNodeAddresses } from "./hostAddresses.ts";
import { unreachableApi, unusableHostSettings } from "./hostSettings.ts";
import { invalidHostNames, invalidPoolNames, repeatedAgentNames, repeatedHostNames } from "./hostNames.ts";
import { contradictoryBinary, plainMirror, repeatedImages, sourcesOfOneRelease } from "./k3sSources.ts";
import { loadBalancerAtServer } from "./loadBalancerPort.ts";
import { lostBeyondRepair } from "./lostHosts.ts";
import { unusableManagedDatastore } from "./managedDatastore.ts";
import { unfitNetworkSizes } from "./networkSizes.ts";
import { singleServerInProduction } from "./production.ts";
import { unusableCredentialRotation } from "./credentials.ts";
import { unusableSchedule } from "./schedule.ts";
import { portsOfSharedServers, twoDatastoreHosts, unknownSharedServers } from "./sharedHosts.ts";
import { portsOfSshd } from "./sshPorts.ts";
import { statsOnApiPort, unusableStatsAddresses } from "./statsAddresses.ts";
import { misplacedVirtualIp, unusableVirtualIp } from "./virtualIp.ts";

/** Everything in the configuration that is right on its own but not together with the rest. */
export function problemsTogether(configuration: Configuration, now: Date): Problem[] {
  const entries = hostsOf(configuration);
  // What shares a host says nothing else of it.
  const hosts = ownHosts(entries);
  const onServerPort = loadBalancerAtServer(hosts);
  return [
    ...invalidHostNames(entries),
    ...invalidPoolNames(configuration),
    ...repeatedHostNames(entries),
    ...repeatedAgentNames(configuration),
    ...missingNodeAddresses(hosts),
    ...ownBastions(hosts),
    // The more specific of two messages about the same host.
    ...withoutPaths([...repeatedConnections(hosts), ...repeatedNodeAddresses(hosts)], onServerPort),
    ...onServerPort,
    ...unknownSharedServers(configuration),
    ...portsOfSharedServers(configuration),
    ...twoDatastoreHosts(configuration),
    ...misplacedVirtualIp(configuration),
    ...unusableVirtualIp(configuration, entries),
    ...besideExternalBalancer(configuration),
    ...unusableExternalBalancer(configuration, hosts),
    ...unusableStatsAddresses(configuration),
    ...statsOnApiPort(configuration),
    ...portsOfSshd(configuration, entries),
    ...hostsInClusterNetworks(configuration, hosts),
    ...unfitNodeFamilies(configuration, hosts),
    ...unusableHostSettings(hosts),
    ...unreachableApi(configuration, hosts),
    ...lostBeyondRepair(configuration, entries),
    ...unusableManagedDatastore(configuration),
    ...agentsOfAnotherRelease(configuration),
    ...invalidClusterNetworks(configuration),
    ...unfitNetworkSizes(configuration, hosts),
    ...unfitFamilies(configuration),
    ...unfitNodeSizes(configuration),
    ...overlappingClusterNetworks(configuration),
    ...twoNetworks(configuration),
    ...unknownBackupHost(configuration, entries),
    ...singleServerInProduction(configuration),
    ...contradictoryBinary(configuration),
    ...plainMirror(configuration),
    ...repeatedImages(configuration),
    ...sourcesOfOneRelease(configuration),
    ...undoneHardening(configuration),
    ...unusableSchedule(configuration, now),
    ...unusableCopy(configuration),
    ...unusableCredentialRotation(configuration),
    ...impossibleMove(configuration),
  ];
}

function withoutPaths(problems: readonly Problem[], told: readonly Problem[]): Problem[] {
  return problems.filter(({ path }) => !told.some((other) => other.path === path));
}
