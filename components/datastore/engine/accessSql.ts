/** A database user: who, from where, and with what. */
export interface DatastoreUser {
  user: string;
  password: string;
  /** The addresses that it may log in from; from all others it does not exist. */
  addresses: readonly string[];
  /** Its privileges on the schema. */
  privileges: readonly string[];
}

/** All that K3s ever does with its schema: kine creates one table with its indexes, and reads and writes rows. */
export const k3sPrivileges = ["SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "INDEX"] as const;

/** The privileges for a dump of one table in one transaction. */
export const backupPrivileges = ["SELECT"] as const;

/**
 * SQL that makes a server's schema and users what is asked; `plugin` names how users of a MySQL authenticate. It drops nothing: accounts that are no longer needed go at
 * the end of a run, and other rights granted to an account stay. Running it twice changes nothing, and at no
 * moment does a user lack its privileges.
 */
export function renderAccessSql(
  database: string,
  users: readonly DatastoreUser[],
  { makesSchema = true, plugin }: { makesSchema?: boolean; plugin?: string | undefined } = {},
): string {
  const by = plugin === undefined ? "BY" : `WITH ${plugin} BY`;
  const lines = makesSchema
    ? [`CREATE DATABASE IF NOT EXISTS \`${database}\` CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;`]
    : [];
  for (const { user, password, addresses, privileges } of users) {
    for (const address of addresses) {
      const account = `${sqlString(user)}@${sqlString(address)}`;
      lines.push(
        `CREATE USER IF NOT EXISTS ${account} IDENTIFIED ${by} ${sqlString(password)} REQUIRE SSL;`,
        `ALTER USER ${account} IDENTIFIED ${by} ${sqlString(password)} REQUIRE SSL;`,
        `GRANT ${privileges.join(", ")} ON \`${database}\`.* TO ${account};`,
      );
    }
  }
  return `${lines.join("\n")}\n`;
}

/** SQL that takes these users away, and nothing else. */
export function renderRemovalSql(users: readonly DatastoreUser[]): string {
  return users
    .flatMap(({ user, addresses }) => addresses.map((from) => `DROP USER IF EXISTS '${user}'@'${from}';`))
    .join("\n");
}

function sqlString(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "''")}'`;
}
