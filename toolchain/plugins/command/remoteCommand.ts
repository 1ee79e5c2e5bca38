/** `command:remote:Command`: commands on other hosts, over SSH. */
import type { Step } from "../provider/resource.ts";
import type { PropertyMap } from "../provider/value.ts";
import { remoteCommandShape } from "./commandInputs.ts";
import { commandResource, type Printed } from "./commandResource.ts";
import { connectionOf } from "./connection.ts";
import { dial, type Dialled } from "./dial.ts";
import { Output, type Logging } from "./output.ts";
import { accepts, refused, run } from "./session.ts";

/** The resource type. */
export const remoteCommand = commandResource(remoteCommandShape, runRemotely);

async function runRemotely(step: Step, command: string, properties: PropertyMap, previous: Printed): Promise<Printed> {
  const dialled = await dial(connectionOf(properties["connection"]), step);
  try {
    const environment = await environmentFor(dialled, step, properties, previous);
    const output = new Output(step.log, properties["logging"] as Logging | undefined);
    await run(dialled.client, command, (properties["stdin"] as string | undefined) ?? "", environment, output);
    return { stdout: output.stdout, stderr: output.stderr };
  } catch (error) {
    // What the library says when the connection was lost before it could open a channel.
    if ((error as Error).message === "Not connected") throw new Error("EOF");
    throw error;
  } finally {
    dialled.close();
  }
}

/** The variables that the host takes. One that the user asked for and the host refuses is an error. */
async function environmentFor(
  { client }: Dialled,
  step: Step,
  properties: PropertyMap,
  previous: Printed,
): Promise<Record<string, string>> {
  const environment: Record<string, string> = {};
  for (const [name, value] of Object.entries((properties["environment"] ?? {}) as Record<string, string>)) {
    if (!(await accepts(client, name, value))) throw refused(step, "error", name);
    environment[name] = value;
  }
  if (properties["addPreviousOutputInEnv"] === false) return environment;
  const outputs = { PULUMI_COMMAND_STDOUT: previous.stdout, PULUMI_COMMAND_STDERR: previous.stderr };
  for (const [name, value] of Object.entries(outputs)) {
    if (value === "") continue;
    if (await accepts(client, name, value)) environment[name] = value;
    else refused(step, "warning", name);
  }
  return environment;
}
