/** The endpoint of K3s's datastore, with its login. */
export interface DatastoreLogin {
  /** IP address or DNS name; the datastore's certificate has to name exactly this. */
  address: string;
  port: number;
  database: string;
  /** Must not hold a colon: the DSN ends the user there. */
  user: string;
  /** Taken literally: the DSN knows no escapes, and needs none. */
  password: string;
}

/**
 * K3s's `datastore-endpoint` for MySQL and MariaDB. Never with `tls=`: it would silently override the CA file, which
 * is what verifies the datastore.
 */
export function renderMysqlDsn(login: DatastoreLogin): string {
  if (login.user.includes(":")) throw new Error(`the datastore's user "${login.user}" contains a colon`);
  const address = login.address.includes(":") ? `[${login.address}]` : login.address;
  return `mysql://${login.user}:${login.password}@tcp(${address}:${login.port})/${login.database.replaceAll("/", "%2F")}`;
}

/**
 * K3s's `datastore-endpoint` for PostgreSQL, a URL. Its CA is K3s's `datastore-cafile`, and the certificate has to name exactly
 * the address.
 */
export function renderPostgresDsn({ address, port, database, user, password }: DatastoreLogin): string {
  const host = address.includes(":") ? `[${address}]` : address;
  const [name, secret, path] = [user, password, database].map(encodeURIComponent);
  return `postgres://${name}:${secret}@${host}:${port}/${path}?sslmode=verify-full`;
}
