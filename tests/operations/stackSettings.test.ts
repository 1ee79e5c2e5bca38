/** A stack's configuration as the CLI prints it, and the logins that come out of it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseSettings } from "../../components/config/parseSettings.ts";
import { loginOf } from "../../components/host/hostLogin.ts";
import { sourceOf } from "../../operations/stackSettings.ts";
import { hostKey, smallStack, valuesOf } from "../config/stack.ts";

// Not a real key: it only has to be well-formed.
const privateKey = "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n";

test("hosts are logged in to as the program would, secrets in the clear", async () => {
  const printed = {
    ...Object.fromEntries(
      Object.entries(valuesOf({ ...smallStack, ssh: { user: "ops", port: 2222 } })).map(([key, value]) => [
        key,
        { value, secret: false },
      ]),
    ),
    "k3s-ha:sshPrivateKey": { value: privateKey, secret: true },
    "aws:region": { value: "nowhere", secret: false },
  };
  const { hosts } = parseSettings(sourceOf(printed)).settings;
  const [name, entry] = Object.entries(hosts)[0] ?? assert.fail("no hosts");
  assert.deepEqual(await loginOf(name, entry.path, entry.host), {
    name: "server-1",
    path: "k3s-ha:servers.server-1",
    address: "198.51.100.11",
    port: 2222,
    user: "ops",
    hostKey,
    privateKey,
    bastion: undefined,
  });
});
