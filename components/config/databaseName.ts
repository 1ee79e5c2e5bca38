/** Schemas that MariaDB and MySQL keep for themselves. */
export const reservedSchemas: readonly string[] = ["information_schema", "mysql", "performance_schema", "sys"];

/** Databases that PostgreSQL keeps for itself. */
export const reservedDatabases: readonly string[] = ["postgres", "template0", "template1"];

/** Why a schema cannot have this name, with the remedy, or undefined. */
export function databaseFault(name: string): string | undefined {
  if (!/^[a-z0-9_]{1,64}$/.test(name)) {
    return 'has to be 1 to 64 of the characters a to z, 0 to 9 and "_": write a schema\'s name such as k3s';
  }
  if (reservedSchemas.includes(name)) return "has to be another schema than MariaDB's own: write a name such as k3s";
  return undefined;
}
