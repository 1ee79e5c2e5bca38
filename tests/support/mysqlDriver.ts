/**
 * How go-sql-driver/mysql reads a DSN, after kine has cut it once at "://": the last "/" ends the address, the last
 * "@" before it ends the login, the first ":" in that ends the user. Nothing is decoded but the schema.
 */
export function driverReads(endpoint: string) {
  const dsn = endpoint.slice(endpoint.indexOf("://") + 3);
  const slash = dsn.lastIndexOf("/");
  const at = dsn.lastIndexOf("@", slash);
  const who = dsn.slice(0, at);
  const colon = who.indexOf(":");
  const [database = "", parameters] = dsn.slice(slash + 1).split("?");
  return {
    user: who.slice(0, colon),
    password: who.slice(colon + 1),
    address: /^tcp\((.*)\)$/.exec(dsn.slice(at + 1, slash))?.[1],
    database: decodeURIComponent(database),
    parameters,
  };
}
