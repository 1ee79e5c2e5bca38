/**
 * How long the one of several servers that runs the cluster's controllers keeps that role without being able to say so
 * in the datastore. A server that loses it ends, and takes five seconds to come back, API and all. By default that is
 * after 10 s, shorter than databases take to fail over.
 *
 * The durations are those that K3s has for its own controllers (45 s until another server may take over), except for five
 * seconds between the two, as Kubernetes has them. The price: a lost server's controllers pause for 45 s, not for 15.
 */
const leaseSeconds = 45;
const renewSeconds = 40;

const controllers = ["kube-controller-manager-arg", "kube-scheduler-arg", "kube-cloud-controller-manager-arg"] as const;

/** What K3s's own controllers take it from. */
export const leaderElectionEnvironment = {
  CATTLE_ELECTION_LEASE_DURATION: `${leaseSeconds}s`,
  CATTLE_ELECTION_RENEW_DEADLINE: `${renewSeconds}s`,
};

/** Adds it for Kubernetes's controllers to servers' settings; what these say themselves comes later, and so counts. */
export function withLeaderElection(config: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const durations = [`leader-elect-lease-duration=${leaseSeconds}s`, `leader-elect-renew-deadline=${renewSeconds}s`];
  return {
    ...config,
    ...Object.fromEntries(controllers.map((key) => [key, [...durations, ...[config[key] ?? []].flat()]])),
  };
}
