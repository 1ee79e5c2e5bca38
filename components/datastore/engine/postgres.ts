import type { DatastoreEngine } from "./engine.ts";
import { libpqEnvironment } from "./libpqEnvironment.ts";
import { engineScripts } from "./scripts.ts";

/** PostgreSQL. */
export const postgresEngine: DatastoreEngine = {
  startTls: "postgres",
  preflight: (endpoint, variables) => ({
    body: engineScripts.postgresPreflight,
    parts: [engineScripts.clientFiles],
    variables: { ...variables, login: libpqEnvironment(endpoint) },
  }),
  status: {
    script: engineScripts.postgresStatus,
    teller: "tell_postgres",
    login: (endpoint) => libpqEnvironment(endpoint).join("\n"),
  },
};
