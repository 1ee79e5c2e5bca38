/** A `command` plugin that does nothing, for measurements: every command succeeds at once, without a connection. */
import { remoteCommandShape } from "../../toolchain/plugins/command/commandInputs.ts";
import { commandResource } from "../../toolchain/plugins/command/commandResource.ts";
import { serve } from "../../toolchain/plugins/provider/serve.ts";

const idle = commandResource(remoteCommandShape, () => Promise.resolve({ stdout: "done\n", stderr: "" }));

await serve({
  name: "command",
  version: "1.2.1",
  resources: { "command:remote:Command": idle },
  functions: {},
});
