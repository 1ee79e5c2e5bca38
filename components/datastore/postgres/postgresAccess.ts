/** A role that logs in. Names and passwords are letters, digits and "_" only. */
export interface PostgresLogin {
  role: string;
  /** Secret. */
  password: string;
}

/** The roles of a managed PostgreSQL. */
export interface PostgresRoles {
  /** Role without a login. It owns the database, its schema and its tables. */
  owner: string;
  /** The login of K3s, which acts as the owner. */
  k3s: PostgresLogin;
  /** The login of the backup, which reads only. */
  backup: PostgresLogin;
}

/**
 * SQL that creates the roles, for psql. K3s creates its table and indexes again at every start, for which it has to be their
 * owner; they belong to a role without a login, so that a login can be replaced by another. Running it twice changes nothing.
 */
export function renderPostgresRoles(database: string, { owner, k3s, backup }: PostgresRoles): string {
  const create = (role: string) =>
    `SELECT 'CREATE ROLE "${role}"' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '${role}') \\gexec`;
  return `${create(owner)}
ALTER ROLE "${owner}" NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE;
${create(k3s.role)}
ALTER ROLE "${k3s.role}" LOGIN INHERIT PASSWORD '${k3s.password}';
GRANT "${owner}" TO "${k3s.role}";
ALTER ROLE "${k3s.role}" SET role = '${owner}';
${create(backup.role)}
ALTER ROLE "${backup.role}" LOGIN INHERIT PASSWORD '${backup.password}';
GRANT pg_read_all_data TO "${backup.role}";
ALTER DATABASE "${database}" OWNER TO "${owner}";
REVOKE ALL ON DATABASE "${database}" FROM PUBLIC;
GRANT CONNECT ON DATABASE "${database}" TO "${k3s.role}", "${backup.role}";
`;
}

/** SQL that removes the logins, for psql, with their rights on databases that a restore replaced. Owner, databases and data stay. */
export function renderPostgresRolesRemoval({ k3s, backup }: PostgresRoles): string {
  const logins = [k3s.role, backup.role];
  return `SELECT DISTINCT format('REVOKE ALL ON DATABASE %I FROM %I', datname, rolname)
  FROM pg_database CROSS JOIN LATERAL aclexplode(datacl) AS acl JOIN pg_roles ON pg_roles.oid = acl.grantee
  WHERE rolname IN (${logins.map((role) => `'${role}'`).join(", ")}) \\gexec
${logins.map((role) => `DROP ROLE IF EXISTS "${role}";\n`).join("")}`;
}
