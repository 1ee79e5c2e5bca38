import { renderClientOptions } from "./clientOptions.ts";
import type { DatastoreEngine, Preflight } from "./engine.ts";
import { engineScripts } from "./scripts.ts";

/** Further requirements of a MySQL or MariaDB, besides those of K3s. */
export interface MysqlExpectations {
  /** Default: either will do. */
  readonly engine?: "mysql" | "mariadb";
  /** The login method that the server's new users require. Default: any. */
  readonly plugin?: string;
}

/** The preflight of a MySQL or MariaDB. */
export function mysqlPreflight(expected: MysqlExpectations = {}): Preflight {
  return ({ addresses: [{ host: address, port }], user, password }, variables) => ({
    body: engineScripts.datastorePreflight,
    parts: [engineScripts.clientFiles, engineScripts.databaseClient],
    variables: {
      ...variables,
      engine: expected.engine ?? "",
      expected_plugin: expected.plugin ?? "",
      client_options: renderClientOptions({ address, port, user, password }),
    },
  });
}

/** MySQL and MariaDB, which both families of clients read alike. */
export const mysqlEngine: DatastoreEngine = {
  startTls: "mysql",
  preflight: mysqlPreflight(),
  status: {
    script: engineScripts.mysqlStatus,
    teller: "tell_mysql",
    login: ({ addresses: [{ host: address, port }], user, password, database }) =>
      `${renderClientOptions({ address, port, user, password })}[mysql]\ndatabase=${database}\n`,
  },
};
