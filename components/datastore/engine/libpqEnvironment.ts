import type { DatastoreEndpoint } from "./datastoreEndpoint.ts";

/**
 * What PostgreSQL's clients read from their environment to log in as an endpoint says, as `NAME=value`; with the password.
 * Several hosts are tried in their order, and only one that answers as the endpoint asks for is taken.
 */
export function libpqEnvironment({ addresses, user, password, database, parameters }: DatastoreEndpoint): string[] {
  const session = parameters.find(([name]) => name === "target_session_attrs")?.[1];
  return [
    `PGHOST=${addresses.map(({ host }) => host).join(",")}`,
    `PGPORT=${addresses.map(({ port }) => port).join(",")}`,
    `PGUSER=${user}`,
    `PGPASSWORD=${password}`,
    `PGDATABASE=${database}`,
    ...(session === undefined ? [] : [`PGTARGETSESSIONATTRS=${session}`]),
  ];
}
