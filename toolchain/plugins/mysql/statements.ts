/**
 * The SQL of the official plugin, to the letter: failures show it, and its peculiarities are part of what programs
 * have to live with. Names and passwords are NOT escaped where it does not escape them.
 */
import { crc32 } from "node:zlib";
import { compareVersions, supportsRoles, type Version } from "./serverVersion.ts";

/** A database. */
export interface Database {
  name: string;
  defaultCharacterSet: string;
  defaultCollation: string;
}

/** An account. */
export interface User {
  user: string;
  host: string;
  plaintextPassword?: string;
  /** Deprecated in favour of plaintextPassword, and the same to the server. */
  password?: string;
  authPlugin?: string;
  tlsOption: string;
}

/** Privileges, or roles, for an account or a role. */
export interface Grant {
  user?: string;
  host?: string;
  role?: string;
  database: string;
  table: string;
  privileges?: string[];
  roles?: string[];
  grant?: boolean;
  tlsOption: string;
}

/** `CREATE DATABASE …` or `ALTER DATABASE …`. */
export function databaseSql(verb: "CREATE" | "ALTER", database: Database): string {
  const characterSet = database.defaultCharacterSet && `CHARACTER SET ${identifier(database.defaultCharacterSet)}`;
  const collation = database.defaultCollation && `COLLATE ${identifier(database.defaultCollation)}`;
  return `${verb} DATABASE ${identifier(database.name)} ${characterSet} ${collation}`;
}

/** `CREATE USER …`. Throws for a combination that the official plugin refuses. */
export function createUserSql(user: User, version: Version): string {
  const { authPlugin } = user;
  if (authPlugin === "AWSAuthenticationPlugin" && user.host === "localhost") {
    throw new Error("cannot use IAM auth against localhost");
  }
  const plugins: Record<string, string> = {
    AWSAuthenticationPlugin: " IDENTIFIED WITH AWSAuthenticationPlugin as 'RDS'",
    mysql_no_login: " IDENTIFIED WITH mysql_no_login",
  };
  const password = user.plaintextPassword || user.password || "";
  const identified = plugins[authPlugin ?? ""] ?? ` IDENTIFIED BY '${password}'`;
  const required = compareVersions(version, [5, 7, 0]) > 0 && user.tlsOption ? ` REQUIRE ${user.tlsOption}` : "";
  return `CREATE USER ${account(user.user, user.host)}${identified}${required}`;
}

/** The statement that sets another password. */
export function passwordSql(user: User, password: string, version: Version): string {
  const who = account(user.user, user.host);
  return compareVersions(version, [5, 7, 6]) < 0
    ? `SET PASSWORD FOR ${who} = PASSWORD('${password}')`
    : `ALTER USER ${who} IDENTIFIED BY '${password}'`;
}

/** `GRANT …`. Throws for a combination that the official plugin refuses. */
export function grantSql(grant: Grant, version: Version): string {
  const hasRoles = supportsRoles(version);
  const privileges = inSetOrder(grant.privileges);
  const roles = privileges.length > 0 ? [] : inSetOrder(grant.roles);
  if (privileges.length === 0 && roles.length === 0) throw new Error("One of privileges or roles is required");
  if (roles.length > 0 && !hasRoles) throw new Error("Roles are only supported on MySQL 8 and above");
  const { text: to, isRole } = grantee(grant, version);
  const what = privileges.length > 0 ? privileges.join(", ") : roles.map((role) => `'${role}'`).join(", ");
  const on = roles.length > 0 ? "" : ` ON ${databaseName(grant.database)}.${tableName(grant.table)}`;
  const required = !hasRoles && grant.tlsOption ? ` REQUIRE ${grant.tlsOption}` : "";
  const option = !hasRoles && !isRole && grant.grant ? " WITH GRANT OPTION" : "";
  return `GRANT ${what}${on} TO ${to}${required}${option}`;
}

/** The statements that take a grant back. */
export function revokeSql(grant: Grant, version: Version): { what: "GRANT" | "ALL"; sql: string }[] {
  const { text: from, isRole } = grantee(grant, version);
  const on = `${databaseName(grant.database)}.${tableName(grant.table)}`;
  const roles = inSetOrder(grant.roles);
  const privileges = inSetOrder(grant.privileges);
  const what =
    roles.length > 0
      ? roles.map((role) => `'${role}'`).join(", ")
      : `${privileges.length > 0 ? privileges.join(", ") : "ALL"} ON ${on}`;
  return [
    ...(isRole || roles.length > 0
      ? []
      : [{ what: "GRANT" as const, sql: `REVOKE GRANT OPTION ON ${on} FROM ${from}` }]),
    { what: "ALL", sql: `REVOKE ${what} FROM ${from}` },
  ];
}

/** Who gets a grant. */
export function grantee(grant: Grant, version: Version): { text: string; isRole: boolean } {
  if (grant.user && grant.host) return { text: account(grant.user, grant.host), isRole: false };
  if (!grant.role) throw new Error("user with host or a role is required");
  if (!supportsRoles(version)) throw new Error("Roles are only supported on MySQL 8 and above");
  return { text: `'${grant.role}'`, isRole: true };
}

/** The id of a grant. */
export function grantId(grant: Grant): string {
  const who = grant.user && grant.host ? `${grant.user}@${grant.host}` : (grant.role ?? "");
  return `${who}:${databaseName(grant.database)}`;
}

/** The elements of a set in the order in which the official plugin keeps them: by checksum, as text. */
export function inSetOrder(elements: string[] | undefined): string[] {
  return [...new Set(elements)]
    .map((element) => ({ element, key: String(crc32(element)) }))
    .sort((one, other) => (one.key < other.key ? -1 : 1))
    .map(({ element }) => element);
}

/** A quoted name. */
export function identifier(name: string): string {
  return `\`${name.replaceAll("`", "``")}\``;
}

/** `'user'@'host'`. */
export function account(user: string, host: string): string {
  return `'${user}'@'${host}'`;
}

function databaseName(name: string): string {
  return name === "*" || name.endsWith("`") ? name : `\`${name}\``;
}

function tableName(name: string): string {
  return name === "" || name === "*" ? "*" : `\`${name}\``;
}
