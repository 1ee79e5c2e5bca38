/** The engine that answers at an endpoint: MySQL or MariaDB, PostgreSQL, etcd. */
export type EngineName = "mysql" | "postgres" | "etcd";

/** The address of a datastore. */
export interface DatastoreAddress {
  /** IP address or DNS name, without brackets; the datastore's certificate has to name exactly this. */
  host: string;
  port: number;
}

/** K3s's `datastore-endpoint`, read as K3s reads it. */
export interface DatastoreEndpoint {
  kind: EngineName;
  /** In the order in which they are tried. MySQL has exactly one. */
  addresses: readonly [DatastoreAddress, ...DatastoreAddress[]];
  /** Empty for etcd, as are password and database. */
  user: string;
  password: string;
  database: string;
  /** The unchanged parameters after the question mark, by name. */
  parameters: readonly (readonly [name: string, value: string])[];
}

const kinds: Readonly<Record<string, EngineName>> = {
  mysql: "mysql",
  postgres: "postgres",
  postgresql: "postgres",
  https: "etcd",
};

/** The kind of datastore that an endpoint's scheme names; undefined for any other scheme, or none. */
export function datastoreKindOf(endpoint: string): EngineName | undefined {
  const scheme = /^([a-z]+):\/\//.exec(endpoint)?.[1] ?? "";
  return Object.hasOwn(kinds, scheme) ? kinds[scheme] : undefined;
}

/** Reads an endpoint. Undefined when K3s would not understand it, or would take it apart in another way than it looks. */
export function parseDatastoreEndpoint(endpoint: string): DatastoreEndpoint | undefined {
  const kind = datastoreKindOf(endpoint);
  const rest = endpoint.slice(endpoint.indexOf("://") + 3);
  switch (kind) {
    case "mysql":
      return parseMysql(rest);
    case "postgres":
      return parsePostgres(rest);
    case "etcd":
      return parseEtcd(endpoint);
    case undefined:
      return undefined;
  }
}

/**
 * As go-sql-driver/mysql does it: the last "/" ends the address, the last "@" before it ends the login, and the first
 * ":" in that ends the user. Nothing is decoded but the schema, so a password stands as it is.
 */
function parseMysql(dsn: string): DatastoreEndpoint | undefined {
  const slash = dsn.lastIndexOf("/");
  const at = slash < 1 ? -1 : dsn.lastIndexOf("@", slash);
  if (at < 0) return undefined;
  const login = dsn.slice(0, at);
  const colon = login.indexOf(":");
  const address = parseAddress(/^tcp\(([^()]*)\)$/.exec(dsn.slice(at + 1, slash))?.[1], 3306);
  const [database, parameters] = cut(dsn.slice(slash + 1), "?");
  const schema = decoded(database);
  if (address === undefined || schema === undefined) return undefined;
  return {
    kind: "mysql",
    addresses: [address],
    user: colon < 0 ? login : login.slice(0, colon),
    password: colon < 0 ? "" : login.slice(colon + 1),
    database: schema,
    parameters: parseParameters(parameters),
  };
}

/** The characters that may be unescaped in a URL's login, by the rules of Go's URLs. */
const loginText = "(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})";
const postgresUrl = new RegExp(`^(${loginText}+)(?::((?:${loginText}|:)*))?@([^@/?#]+)/([^/?#]*)(?:\\?([^#]*))?$`);

/** As a URL: user, password and database are percent-encoded. Several hosts are separated by commas. */
function parsePostgres(rest: string): DatastoreEndpoint | undefined {
  const [, user = "", password = "", hosts = "", database = "", query] = postgresUrl.exec(rest) ?? [];
  const addresses = parseAddresses(hosts.split(","), 5432);
  const [name, secret, schema] = [user, password, database].map(decoded);
  if (addresses === undefined || name === undefined || secret === undefined || schema === undefined) return undefined;
  return {
    kind: "postgres",
    addresses,
    user: name,
    password: secret,
    database: schema,
    parameters: parseParameters(query),
  };
}

/** URLs separated by commas, each with its port. */
function parseEtcd(endpoint: string): DatastoreEndpoint | undefined {
  const hosts = endpoint.split(",").map((url) => /^https:\/\/([^/?#@]+:\d+)\/?$/.exec(url)?.[1]);
  const addresses = hosts.includes(undefined)
    ? undefined
    : parseAddresses(
        hosts.map((host) => host ?? ""),
        2379,
      );
  if (addresses === undefined) return undefined;
  return { kind: "etcd", addresses, user: "", password: "", database: "", parameters: [] };
}

function parseAddresses(texts: readonly string[], port: number): DatastoreEndpoint["addresses"] | undefined {
  const [first, ...others] = texts.map((text) => parseAddress(text, port));
  if (first === undefined) return undefined;
  const known = others.filter((address) => address !== undefined);
  return known.length === others.length ? [first, ...known] : undefined;
}

function parseAddress(text: string | undefined, standardPort: number): DatastoreAddress | undefined {
  const [, bracketed, plain, port] = /^(?:\[([^[\]]+)\]|([^[\]:\s]+))(?::(\d{1,5}))?$/.exec(text ?? "") ?? [];
  const host = bracketed ?? plain;
  return host === undefined ? undefined : { host, port: Number(port ?? standardPort) };
}

function parseParameters(text: string | undefined): [string, string][] {
  return (text ?? "")
    .split("&")
    .filter((parameter) => parameter !== "")
    .map((parameter) => cut(parameter, "="))
    .map(([name, value = ""]) => [name, value]);
}

function cut(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + separator.length)];
}

/** Text without its percent-encoding; undefined when that is broken. */
function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** An address as URLs, openssl and messages write it. */
export function addressText({ host, port }: DatastoreAddress): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}
