/**
 * The time for which a server keeps its leases of the cluster's controllers without the datastore. A server that loses a lease exits,
 * and its API takes five seconds to come back. The default is 10 s, less than the failover of a datastore takes.
 *
 * The durations are those that K3s has for its own controllers (45 s until another server may take over), except for five
 * seconds between the two, as Kubernetes has them. The price: a lost server's controllers pause for 45 s, not for 15.
 */
const leaseSeconds = 45;
const renewSeconds = 40;

const controllers = ["kube-controller-manager-arg", "kube-scheduler-arg", "kube-cloud-controller-manager-arg"] as const;

/** The environment variables that set these durations for K3s's own controllers. */
export const leaderElectionEnvironment = {
  CATTLE_ELECTION_LEASE_DURATION: `${leaseSeconds}s`,
  CATTLE_ELECTION_RENEW_DEADLINE: `${renewSeconds}s`,
};

/** Adds these durations for Kubernetes's controllers to the servers' settings. Arguments in the settings come later and override them. */
export function withLeaderElection(config: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const durations = [`leader-elect-lease-duration=${leaseSeconds}s`, `leader-elect-renew-deadline=${renewSeconds}s`];
  return {
    ...config,
    ...Object.fromEntries(controllers.map((key) => [key, [...durations, ...[config[key] ?? []].flat()]])),
  };
}
