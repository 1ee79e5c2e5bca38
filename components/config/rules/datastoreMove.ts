import { movingFromSqlite } from "../../datastore/embedded/sqliteMove.ts";
import { configPath } from "../configPath.ts";
import type { Problem } from "../problem.ts";
import type { Configuration } from "../schema.ts";

/** The program moves a cluster from SQLite to the MariaDB that it installs, and to no other datastore. */
export function impossibleMove({ datastore }: Configuration): Problem[] {
  if (datastore?.movingFrom !== movingFromSqlite) return [];
  const { managed, embedded } = datastore;
  const path = configPath("datastore", "movingFrom");
  if (embedded?.engine === "sqlite") {
    const fault = `is sqlite, but ${configPath("datastore", "embedded")} still keeps the cluster there: write ${configPath("datastore", "managed")} in its place, or remove this`;
    return [{ path, fault }];
  }
  if (managed?.engine === "mariadb") return [];
  const fault = `is sqlite, but only a MariaDB that this program installs takes a cluster over from SQLite: write ${configPath("datastore", "managed")} with a host, like {name: db-1, host: {address: 203.0.113.20}}`;
  return [{ path, fault }];
}
