/** A stand-in for the `mysql` plugin 3.3.2. Started by the Pulumi engine. */
import { serve } from "../provider/serve.ts";
import { configurationFailures, configurationOf, type Configuration } from "./configuration.ts";
import { databaseResource } from "./database.ts";
import { grantResource } from "./grant.ts";
import { roleResource } from "./role.ts";
import { userResource } from "./user.ts";

let configuration: Configuration | undefined;

function server(): Configuration {
  if (!configuration) throw new Error("the mysql provider is not configured yet");
  return configuration;
}

await serve({
  name: "mysql",
  version: "3.3.2",
  resources: {
    "mysql:index/database:Database": databaseResource(server),
    "mysql:index/user:User": userResource(server),
    "mysql:index/grant:Grant": grantResource(server),
    "mysql:index/role:Role": roleResource(server),
  },
  checkConfig: (news) => ({ inputs: news, failures: configurationFailures(news) }),
  configure: (args) => {
    configuration = configurationOf(args);
  },
});
