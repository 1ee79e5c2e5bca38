import {
  type DatastoreEndpoint,
  datastoreKindOf,
  parseDatastoreEndpoint,
} from "../datastore/engine/datastoreEndpoint.ts";
import { isAddress } from "./address.ts";
import { reservedSchemas } from "./databaseName.ts";

const examples = {
  mysql: "mysql://user:password@tcp(host:3306)/schema",
  postgres: "postgres://user:password@host:5432/database",
  etcd: "https://host-1:2379,https://host-2:2379,https://host-3:2379",
};

/** Longest password, in bytes, that MySQL gives a user. */
const longestPassword = 255;

/** Parameters that would name another server, another login or other proofs than the endpoint and the CA file do. */
const contradicting = {
  mysql: ["allowfallbacktoplaintext"],
  postgres: [
    "host",
    "hostaddr",
    "port",
    "user",
    "password",
    "passfile",
    "dbname",
    "database",
    "service",
    "servicefile",
  ],
};

/**
 * Why an endpoint cannot be used, with the remedy, or undefined. No part of it is repeated, because it holds a
 * password.
 */
export function datastoreEndpointFault(endpoint: string): string | undefined {
  const kind = datastoreKindOf(endpoint);
  if (kind === undefined) return schemeFault(endpoint);
  const parts = parseDatastoreEndpoint(endpoint);
  if (parts === undefined) return grammarFault[kind];
  const isReachable = parts.addresses.every(({ host, port }) => isAddress(host) && port >= 1 && port <= 65535);
  if (!isReachable) {
    const where = kind === "mysql" ? ", in tcp(…)" : "";
    return `has to have an IP address or a DNS name, and a port${where}: write it like ${examples[kind]}`;
  }
  if (kind === "etcd") return undefined;
  return loginFault(parts) ?? (kind === "mysql" ? mysqlFault(parts) : postgresFault(parts));
}

function schemeFault(endpoint: string): string {
  const scheme = /^([a-z]+):\/\//.exec(endpoint)?.[1];
  if (scheme === "http") return `is an etcd without TLS, which cannot be verified: write it like ${examples.etcd}`;
  const what =
    scheme === undefined
      ? "has to be the endpoint of a datastore"
      : `is a ${scheme} datastore, but has to be MySQL, MariaDB, PostgreSQL or etcd`;
  return `${what}: write it like ${examples.mysql}, ${examples.postgres} or https://host:2379`;
}

const grammarFault = {
  mysql: `has to have user, password, tcp(…) around the host, and a schema: write it like ${examples.mysql}`,
  postgres: `has to be a URL with user, password, host and database: write it like ${examples.postgres}, and percent-encode every character of user and password except letters, digits and "-._~"`,
  etcd: `has to be the https URLs of etcd's members with their ports, separated by commas: write it like ${examples.etcd}`,
};

function loginFault({ password }: DatastoreEndpoint): string | undefined {
  if (password === "")
    return "has no password, so anyone who reaches the datastore could log in: give the user a password";
  if (Buffer.byteLength(password) > longestPassword) {
    return `has a password of more than ${longestPassword} bytes, which MySQL does not support: give the user a shorter password`;
  }
  // eslint-disable-next-line no-control-regex -- exactly these characters
  if (/[\0-\x1f\x7f]/.test(password) || !password.isWellFormed()) {
    return "has a password with a control character or invalid text, which some programs change: give the user another password";
  }
  return undefined;
}

function mysqlFault({ database, parameters }: DatastoreEndpoint): string | undefined {
  if (database === "") {
    return `names no schema, and K3s would create one called kubernetes: write it like ${examples.mysql}`;
  }
  if (!/^[\w$-]{1,64}$/.test(database)) {
    return `names a schema that needs quoting: use letters, digits and "_$-" only, like ${examples.mysql}`;
  }
  if (reservedSchemas.includes(database.toLowerCase())) {
    return `names a schema of the database server itself: write another name, like ${examples.mysql}`;
  }
  if (parameters.some(([name]) => name.toLowerCase() === "tls")) {
    return "has the parameter tls=, which silently overrides the CA file: remove it; TLS is verified without it";
  }
  return parameterFault(parameters, contradicting.mysql);
}

function postgresFault({ database, password, parameters }: DatastoreEndpoint): string | undefined {
  if (database === "") {
    return `names no database, and K3s would create one called kubernetes: write it like ${examples.postgres}`;
  }
  if (!/^[a-z0-9_$-]{1,63}$/.test(database)) {
    return `names a database that K3s would look for under another name: use lower-case letters, digits and "_$-" only, like ${examples.postgres}`;
  }
  if (!/^[ -~]*$/.test(password)) {
    return "has a password with characters outside ASCII, which K3s and PostgreSQL encode differently: give the user a password of letters, digits and punctuation";
  }
  for (const [name, value] of parameters) {
    if (name === "sslmode" && value !== "verify-full") {
      return "has a sslmode that is weaker than verify-full: remove it; K3s verifies fully with the configured CA";
    }
    if (/^ssl/.test(name) && name !== "sslmode") {
      return "has a parameter ssl…, which contradicts the certificates of k3s-ha:datastore.endpoint: remove it, and name the files there";
    }
  }
  return parameterFault(parameters, contradicting.postgres);
}

function parameterFault(parameters: DatastoreEndpoint["parameters"], names: readonly string[]): string | undefined {
  if (parameters.some(([name]) => /^kine/i.test(name))) {
    return "has a parameter KINE…, the name of an environment variable that can turn verification off: remove it";
  }
  const found = parameters.map(([name]) => name).find((name) => names.includes(name.toLowerCase()));
  return found === undefined
    ? undefined
    : `has the parameter ${found}=, which contradicts the part before the question mark or the verification: remove it`;
}
