/** What holds for everything that acts on a host, whichever component made it. */
import assert from "node:assert/strict";
import { commandsOf, type Deployment, leaks, type Registered, scriptOf } from "./deploy.ts";
import { sampleSshKey } from "./sampleHosts.ts";
import { isSecret, isUnknown, reveal } from "./wire.ts";

/**
 * Checks every command of a deployment. `given` are the secrets that the test itself handed in.
 *
 * The texts that a process list or an error message can show are held to one exact form, so nothing else, and no
 * secret, can stand in them.
 */
export function assertSafeCommands(deployment: Deployment<unknown>, given: readonly string[] = []): void {
  const commands = commandsOf(deployment);
  assert.notEqual(commands.length, 0);
  for (const command of commands) assertSafe(command);
  assert.deepEqual(leaks(deployment, [sampleSshKey, ...given]), []);
}

function assertSafe({ name, inputs, additionalSecretOutputs }: Registered): void {
  // Exactly these: no `triggers`, which would replace, and no `environment`, which stock sshd refuses.
  const expected = ["addPreviousOutputInEnv", "connection", "create", "delete", "logging", "stdin", "update"];
  assert.deepEqual(Object.keys(inputs).toSorted(), expected, name);
  assert.equal(inputs["addPreviousOutputInEnv"], false, name);
  assert.equal(inputs["logging"], "none", name);
  assert.deepEqual(additionalSecretOutputs, ["connection", "stderr", "stdout"], name);

  assert.ok(isSecret(inputs["connection"]), name);
  const connection = reveal(inputs["connection"]) as Record<string, unknown>;
  const keys = ["dialErrorLimit", "host", "hostKey", "perDialTimeout", "port", "privateKey", "user"];
  assert.deepEqual(
    Object.keys(connection)
      .filter((key) => key !== "proxy")
      .toSorted(),
    keys,
    name,
  );
  assert.match(String(connection["hostKey"]), /^ssh-ed25519 [A-Za-z0-9+/]{60,}=*$/, name);

  const sudo = connection["user"] === "root" ? "" : "sudo -n ";
  const text = (action: string) => new RegExp(`^${sudo}timeout --verbose --kill-after=10 \\d+ bash -s ${action}$`);
  assert.match(String(inputs["create"]), text("apply"), name);
  assert.match(String(inputs["update"]), text("(re)?apply"), name);
  assert.match(String(inputs["delete"]), text("remove"), name);
}

/** True when a preview shows the text of a script: it is neither secret nor unknown. */
export function isShown(command: Registered): boolean {
  return !isSecret(command.inputs["stdin"]) && !isUnknown(command.inputs["stdin"]) && scriptOf(command) !== "";
}
