import type * as pulumi from "@pulumi/pulumi";

/** The types that a datastore's component can have in a stack's state. */
const datastoreTypes = [
  "k3s-ha:index:MySQLDatastore",
  "k3s-ha:index:PostgresDatastore",
  "k3s-ha:index:EtcdDatastore",
] as const;

/** The type of a datastore's component. */
export type DatastoreType = (typeof datastoreTypes)[number];

/**
 * Options that take over what another component for a datastore has made under the same name. MySQLDatastore was that of every
 * endpoint once; and a cluster that moves to another engine keeps what is made for either.
 */
export function asSuccessor(
  type: DatastoreType,
  opts: pulumi.ComponentResourceOptions | undefined,
): pulumi.ComponentResourceOptions {
  const earlier = [...datastoreTypes, "k3s-ha:index:SQLiteDatastore"];
  const aliases = earlier.filter((other) => other !== type).map((other) => ({ type: other }));
  return { ...opts, aliases: [...(opts?.aliases ?? []), ...aliases] };
}
