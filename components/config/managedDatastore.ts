import type { ManagedEngine } from "../datastore/managedEngines.ts";
import { configPath } from "./configPath.ts";
import type { Problem } from "./problem.ts";
import { reservedDatabases } from "./databaseName.ts";
import type { Configuration } from "./schema.ts";

type ManagedSection = NonNullable<NonNullable<Configuration["datastore"]>["managed"]>;

const standardPorts: Readonly<Record<ManagedEngine, number>> = { mariadb: 3306, postgres: 5432, etcd: 2379 };
/** Characters of a name; PostgreSQL cuts a longer one off. */
const longestName = 63;

/** The port that a managed datastore listens on. */
export function managedPort({ engine, port = standardPorts[engine] }: Pick<ManagedSection, "engine" | "port">): number {
  return port;
}

/** Settings and names that a managed datastore's engine does not take. */
export function managedProblems({
  engine,
  database = "k3s",
  bufferPoolMebibytes,
  onServer,
}: ManagedSection): Problem[] {
  if (engine !== "postgres") return [];
  const problems: Problem[] = [];
  const tell = (setting: string, fault: string) =>
    void problems.push({ path: configPath("datastore", "managed", setting), fault });
  if (onServer !== undefined)
    tell(
      "onServer",
      "is set, but only MariaDB shares the host of a server: describe another host in datastore.managed.host",
    );
  if (bufferPoolMebibytes !== undefined)
    tell(
      "bufferPoolMebibytes",
      "is a setting of MariaDB, but the engine is postgres, whose cache follows the host's memory: remove it",
    );
  if (reservedDatabases.includes(database))
    tell(
      "database",
      `is "${database}", but has to be another database than PostgreSQL's own: write a name such as k3s`,
    );
  if (database.length > longestName)
    tell(
      "database",
      `has ${database.length} characters, but a name in PostgreSQL has at most ${longestName}: write a shorter one such as k3s`,
    );
  return problems;
}
