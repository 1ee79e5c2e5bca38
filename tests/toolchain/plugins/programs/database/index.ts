/** A database over verified TLS, the authority given through the provider's environment; an account if asked for. */
import * as mysql from "@pulumi/mysql";
import * as pulumi from "@pulumi/pulumi";

const config = new pulumi.Config();

const provider = new mysql.Provider(
  "server",
  {
    endpoint: config.require("endpoint"),
    username: "admin",
    password: config.requireSecret("password"),
    tls: "true",
  },
  { envVarMappings: { K3S_HA_TEST_AUTHORITY: "SSL_CERT_FILE" } },
);
const database = new mysql.Database(
  "kine",
  { name: "kine", defaultCharacterSet: "utf8mb4", defaultCollation: "utf8mb4_unicode_ci" },
  { provider },
);
if (config.getBoolean("account")) {
  new mysql.User("kine", { user: "kine", host: "192.0.2.1", plaintextPassword: "p", tlsOption: "SSL" }, { provider });
}

export const name = database.name;
