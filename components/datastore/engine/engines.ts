import type { EngineName } from "./datastoreEndpoint.ts";
import type { DatastoreEngine } from "./engine.ts";
import { etcdEngine } from "./etcd.ts";
import { mysqlEngine } from "./mysql.ts";
import { postgresEngine } from "./postgres.ts";

/** Every engine that K3s's endpoint can name, by what its endpoints are read as. */
export const engines: Readonly<Record<EngineName, DatastoreEngine>> = {
  mysql: mysqlEngine,
  postgres: postgresEngine,
  etcd: etcdEngine,
};
