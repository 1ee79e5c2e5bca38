/**
 * How the drop-in mysql plugin reaches its server: TLS, patience, connections. Against what the official one was
 * observed to do, on a real MariaDB.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { eventually } from "../../support/eventually.ts";
import { Secret, unknown } from "../../../toolchain/plugins/provider/value.ts";
import { database, MysqlFixture } from "./mysqlFixture.ts";
import { freePort } from "./sshServer.ts";

let on: MysqlFixture;

before(async () => {
  on = await MysqlFixture.start();
});

after(async () => {
  await on.stop();
});

/** A server that accepts connections, says nothing on them, and counts them. */
async function silentServer(): Promise<{ server: Server; port: number }> {
  const silent = createServer().listen(0, "127.0.0.1");
  await once(silent, "listening");
  const address = silent.address();
  if (address === null || typeof address === "string") throw new Error("a TCP server has no port");
  return { server: silent, port: address.port };
}

test('tls "true" verifies against the authorities in SSL_CERT_FILE, for an IP address too', async () => {
  const trusted = await on.pluginFor({ tls: "true" }, { SSL_CERT_FILE: on.caFile });
  const { inputs } = await trusted.check(database, {
    name: "tls_one",
    defaultCharacterSet: "utf8mb4",
    defaultCollation: "utf8mb4_bin",
  });
  const { id, state } = await trusted.create(database, inputs);
  await trusted.delete(database, id, state);
  const directoryOnly = await on.pluginFor({ tls: "true" }, { SSL_CERT_DIR: `/nonexistent:${on.directory}` });
  await directoryOnly.create(database, inputs);
  await directoryOnly.delete(database, id, state);
});

test('tls "true" refuses an unknown authority and another name; "skip-verify" takes both', async () => {
  const inputs = { name: "tls_two", defaultCharacterSet: "utf8mb4", defaultCollation: "utf8mb4_bin" };
  const untrusting = await on.pluginFor({ tls: "true" });
  await assert.rejects(untrusting.create(database, inputs), {
    message:
      "1 error occurred:\n\t* Could not connect to server: tls: failed to verify certificate: x509: certificate signed by unknown authority\n\n",
  });
  const misnamed = await on.pluginFor(
    { tls: "true", endpoint: `localhost:${on.server.port}` },
    { SSL_CERT_FILE: on.caFile },
  );
  await assert.rejects(misnamed.create(database, inputs), /x509: certificate is valid for db\.example, not localhost/);
  await on.server.query("CREATE USER 'secure'@'127.0.0.1' IDENTIFIED BY 'p' REQUIRE SSL");
  await on.server.query("GRANT ALL ON *.* TO 'secure'@'127.0.0.1'");
  const account = { username: "secure", password: new Secret("p") };
  const plain = await on.pluginFor(account);
  await assert.rejects(plain.create(database, inputs), /Access denied/, "without TLS the account is refused");
  const careless = await on.pluginFor({ tls: "skip-verify", ...account });
  const { id, state } = await careless.create(database, inputs);
  await careless.delete(database, id, state);
});

test("a server that is down: tried until patience ends, then the reason, in the official words", async () => {
  const port = await freePort();
  const plugin = await on.pluginFor({ endpoint: `127.0.0.1:${port}` });
  const begin = performance.now();
  await assert.rejects(plugin.create(database, { name: "x", defaultCharacterSet: "a", defaultCollation: "b" }), {
    message: `1 error occurred:\n\t* Could not connect to server: dial tcp 127.0.0.1:${port}: connect: connection refused\n\n`,
  });
  assert.ok(performance.now() - begin >= 400, "it tried more than once");
});

test("patience is five minutes, also with a wrong password, and Cancel ends it", async () => {
  const plugin = await on.pluginFor({ password: new Secret("wrong") }, { K3S_HA_MYSQL_PATIENCE: "300" });
  const begin = performance.now();
  const created = assert.rejects(
    plugin.create(database, { name: "x", defaultCharacterSet: "a", defaultCollation: "b" }),
    /context canceled/,
  );
  setTimeout(() => void plugin.cancel(), 1500);
  await created;
  assert.ok(performance.now() - begin >= 1500, "it was still trying");
  const short = await on.pluginFor({ password: new Secret("wrong") });
  await assert.rejects(
    short.create(database, { name: "x", defaultCharacterSet: "a", defaultCollation: "b" }),
    /Could not connect to server: Error 1045 \(28000\): Access denied/,
  );
});

test("a silent server keeps the plugin waiting, and Cancel ends that too", async () => {
  const silent = await silentServer();
  const plugin = await on.pluginFor({ endpoint: `127.0.0.1:${silent.port}` });
  const created = assert.rejects(
    plugin.create(database, { name: "x", defaultCharacterSet: "a", defaultCollation: "b" }),
    /context canceled/,
  );
  setTimeout(() => void plugin.cancel(), 300);
  await created;
  silent.server.close();
});

test("every operation has a connection of its own, closed afterwards", async () => {
  const plugin = await on.pluginFor();
  const count = async (): Promise<number> =>
    Number((await on.server.query("SHOW GLOBAL STATUS LIKE 'Connections'"))[0]?.["Value"]);
  const begin = await count();
  const { id, state } = await plugin.create(database, {
    name: "counted",
    defaultCharacterSet: "utf8mb4",
    defaultCollation: "utf8mb4_bin",
  });
  // One for the statement, one for reading back, one for this count.
  assert.equal((await count()) - begin, 3);
  await plugin.delete(database, id, state);
  // The server notices a moment later that a client has gone.
  await eventually(async () => {
    const left = await on.server.query("SELECT COUNT(*) AS n FROM information_schema.processlist WHERE user = 'admin'");
    assert.equal(Number(left[0]?.["n"]), 1, "only the connection that counts");
  }, 30);
});

test("the provider's arguments: checked, from the environment when not given, a unix socket too", async () => {
  const plugin = await on.plugin();
  const wrong = await plugin.checkConfig({ endpoint: "h:1", username: "u", tls: "maybe", version: "3.3.2" });
  assert.equal(wrong.failures[0]?.property, "tls");
  const missing = await plugin.checkConfig({ version: "3.3.2" });
  assert.deepEqual(
    missing.failures.map(({ property }) => property),
    ["endpoint", "username"],
  );
  const later = await plugin.checkConfig({ endpoint: unknown, username: "u", password: new Secret(unknown) });
  assert.deepEqual(later.failures, [], "what a preview does not know yet is not wrong");
  const right = await plugin.checkConfig({
    endpoint: "h:1",
    username: "u",
    password: new Secret("p"),
    version: "3.3.2",
  });
  assert.deepEqual(right.inputs, { endpoint: "h:1", username: "u", password: new Secret("p"), version: "3.3.2" });
  const socket = await on.pluginFor({ endpoint: join(on.server.directory, "nothing") });
  await assert.rejects(
    socket.create(database, { name: "x", defaultCharacterSet: "a", defaultCollation: "b" }),
    /dial unix .*nothing: connect: no such file or directory/,
  );
});
