/** A stand-in for the `command` plugin 1.2.1: remote and local commands. Started by the Pulumi engine. */
import { serve } from "../provider/serve.ts";
import { localCommand, localRun } from "./localCommand.ts";
import { remoteCommand } from "./remoteCommand.ts";

await serve({
  name: "command",
  version: "1.2.1",
  resources: { "command:remote:Command": remoteCommand, "command:local:Command": localCommand },
  functions: { "command:local:run": localRun },
});
