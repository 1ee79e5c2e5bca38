import * as pulumi from "@pulumi/pulumi";
import type { SqlHost } from "../datastoreAccess.ts";
import { HostCommand } from "../../host/hostCommand.ts";
import { renderHostScript } from "../../host/hostScript.ts";
import { engineScripts } from "../engine/scripts.ts";
import { renderAccessSql } from "../engine/accessSql.ts";
import { existingScripts } from "./scripts.ts";

/** Creates a schema by SQL that a host runs. It refuses one with tables that the stack does not know, and is never dropped. */
export function schemaCommand(
  name: string,
  sql: SqlHost,
  { address, database }: { address: string; database: string },
  opts: pulumi.CustomResourceOptions,
): HostCommand {
  const script = pulumi
    .all([sql.clientOptions ?? "", sql.caCertificate ?? ""])
    .apply(([clientOptions, caCertificate]) =>
      renderHostScript({
        body: existingScripts.existingSchema,
        parts: [engineScripts.clientFiles, engineScripts.databaseClient],
        variables: {
          host_name: sql.hostName,
          database_address: address,
          database,
          packages: sql.packages,
          client_options: clientOptions,
          ca_certificate: caCertificate,
          client_certificate: "",
          client_key: "",
          schema_sql: renderAccessSql(database, []),
        },
      }),
    );
  return new HostCommand(name, { host: sql.host, onChange: "reapply", script: pulumi.secret(script) }, opts);
}
