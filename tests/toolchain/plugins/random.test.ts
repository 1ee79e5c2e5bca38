/** The drop-in random plugin against what the official one was observed to do. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import bcrypt from "bcryptjs";
import { reveal, Secret, textOf, unknown, type PropertyMap } from "../../../toolchain/plugins/provider/value.ts";
import { PluginProcess } from "./pluginProcess.ts";

const password = "random:index/randomPassword:RandomPassword";
const string = "random:index/randomString:RandomString";
const id = "random:index/randomId:RandomId";
const bytes = "random:index/randomBytes:RandomBytes";

let plugin: PluginProcess;

before(async () => {
  plugin = await PluginProcess.start("random");
  await plugin.configure();
});

after(async () => {
  await plugin.stop();
});

const text = (state: PropertyMap, name: string): string => textOf(state[name]);

test("RandomPassword: id, outputs with defaults, secrets; inputs hold only what was given", async () => {
  const given = { length: 24, special: false, keepers: { generation: "1" } };
  const { inputs, failures } = await plugin.check(password, given);
  assert.deepEqual(failures, []);
  assert.deepEqual(inputs, given);
  const created = await plugin.create(password, inputs);
  assert.equal(created.id, "none");
  const { bcryptHash, result, ...plain } = created.state;
  assert.deepEqual(plain, {
    ...given,
    id: "none",
    lower: true,
    upper: true,
    number: true,
    numeric: true,
    minLower: 0,
    minUpper: 0,
    minNumeric: 0,
    minSpecial: 0,
  });
  assert.ok(result instanceof Secret && bcryptHash instanceof Secret);
  assert.match(text(created.state, "result"), /^[A-Za-z0-9]{24}$/);
  assert.match(text(created.state, "bcryptHash"), /^\$2a\$10\$/);
  assert.ok(await bcrypt.compare(text(created.state, "result"), text(created.state, "bcryptHash")));
});

test("RandomPassword: the hash is of the first 72 bytes", async () => {
  const { state } = await plugin.create(password, { length: 100 });
  assert.equal(text(state, "result").length, 100);
  assert.ok(await bcrypt.compare(text(state, "result").slice(0, 72), text(state, "bcryptHash")));
});

test("RandomPassword: classes, minimums and the characters in place of the special ones", async () => {
  const inputs = { length: 12, minUpper: 3, minLower: 2, minNumeric: 4, minSpecial: 3, overrideSpecial: "-_" };
  const { state } = await plugin.create(password, inputs);
  const count = (pattern: RegExp): number => (text(state, "result").match(pattern) ?? []).length;
  assert.deepEqual([count(/[A-Z]/g), count(/[a-z]/g), count(/[0-9]/g), count(/[-_]/g)], [3, 2, 4, 3]);
  const digits = await plugin.create(password, { length: 50, upper: false, lower: false, special: false });
  assert.match(text(digits.state, "result"), /^[0-9]{50}$/);
  const all = await plugin.create(password, { length: 20_000 });
  const used = [...new Set(text(all.state, "result"))].sort().join("");
  const expected = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ!@#$%&*()-_=+[]{}<>:?";
  assert.equal(used, Array.from(expected).sort().join(""));
});

test("RandomPassword: every character is as likely as any other", async () => {
  const { state } = await plugin.create(password, { length: 20_000, special: false, upper: false, numeric: false });
  const counts = new Map<string, number>();
  for (const character of text(state, "result")) counts.set(character, (counts.get(character) ?? 0) + 1);
  const expected = 20_000 / 26;
  const chiSquare = [...counts.values()].reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
  assert.equal(counts.size, 26);
  // 25 degrees of freedom: 75 is exceeded by chance less than once in a million runs.
  assert.ok(chiSquare < 75, `chi square ${chiSquare}`);
});

test("RandomPassword: the former name `number` switches `numeric`", async () => {
  const { state } = await plugin.create(password, { length: 40, number: false, special: false });
  assert.deepEqual([state["number"], state["numeric"]], [false, false]);
  assert.match(text(state, "result"), /^[A-Za-z]{40}$/);
});

test("RandomPassword: a changed keeper or input replaces, a default said out loud does not", async () => {
  const inputs = { length: 16, keepers: { generation: "1" } };
  const { state } = await plugin.create(password, inputs);
  const kept = await plugin.diff(password, inputs, state, { ...inputs, keepers: { generation: "2" } });
  assert.deepEqual(kept, {
    some: true,
    diffs: ["keepers"],
    replaces: ["keepers"],
    detailed: { "keepers.generation": "UPDATE_REPLACE" },
  });
  assert.deepEqual((await plugin.diff(password, inputs, state, { ...inputs, length: 17 })).replaces, ["length"]);
  assert.equal((await plugin.diff(password, inputs, state, { ...inputs, special: true, minUpper: 0 })).some, false);
  const again = await plugin.create(password, inputs);
  assert.notEqual(text(again.state, "result"), text(state, "result"));
});

test("RandomPassword: a preview knows everything but the result", async () => {
  const { state } = await plugin.create(password, { length: 16 }, true);
  assert.deepEqual([reveal(state["result"] ?? null), reveal(state["bcryptHash"] ?? null)], [unknown, unknown]);
  assert.equal(state["minLower"], 0);
});

test("what cannot be made is refused by Check", async () => {
  const reasons = async (inputs: PropertyMap): Promise<string> =>
    (await plugin.check(password, inputs)).failures.map(({ reason }) => reason).join();
  assert.match(await reasons({ length: 0 }), /length value must be at least 1, got: 0/);
  assert.match(await reasons({ length: 3, minUpper: 2, minLower: 2 }), /at least sum of/);
  assert.match(
    await reasons({ length: 3, upper: false, lower: false, numeric: false, special: false }),
    /must be specified as true/,
  );
  assert.equal(await reasons({ length: unknown }), "");
  assert.match((await plugin.check(id, { byteLength: 0 })).failures[0]?.reason ?? "", /at least 1/);
});

test("RandomString: the text is the id and plain", async () => {
  const { id: name, state } = await plugin.create(string, { length: 8, special: false });
  assert.equal(state["result"], name);
  assert.match(name, /^[A-Za-z0-9]{8}$/);
  assert.ok(!("bcryptHash" in state));
});

test("RandomId: the id is b64Url without the prefix; all notations are of the same bytes, plain", async () => {
  const { id: name, state } = await plugin.create(id, { byteLength: 9 });
  const raw = Buffer.from(name, "base64url");
  assert.equal(raw.length, 9);
  assert.deepEqual(state, {
    byteLength: 9,
    id: name,
    b64Url: name,
    b64Std: raw.toString("base64"),
    hex: raw.toString("hex"),
    dec: BigInt(`0x${raw.toString("hex")}`).toString(),
  });
  const prefixed = await plugin.create(id, { byteLength: 4, prefix: "p-" });
  assert.equal(prefixed.state["b64Url"], `p-${prefixed.id}`);
  assert.match(text(prefixed.state, "hex"), /^p-[0-9a-f]{8}$/);
});

test("RandomBytes: the id is the base64 text; base64 and hex are secret", async () => {
  const { id: name, state } = await plugin.create(bytes, { length: 16 });
  assert.ok(state["base64"] instanceof Secret && state["hex"] instanceof Secret);
  assert.equal(text(state, "base64"), name);
  assert.equal(text(state, "hex"), Buffer.from(name, "base64").toString("hex"));
  assert.deepEqual((await plugin.diff(bytes, { length: 16 }, state, { length: 32 })).replaces, ["length"]);
});

const withId: [type: string, inputs: PropertyMap][] = [
  [password, { length: 24 }],
  [string, { length: 24 }],
  [id, { byteLength: 4 }],
  ["random:index/randomInteger:RandomInteger", { min: 3, max: 5 }],
  ["random:index/randomShuffle:RandomShuffle", { inputs: ["a", "b"] }],
  ["random:index/randomUuid:RandomUuid", {}],
];

for (const [type, inputs] of withId) {
  test(`${type} has its id among the outputs, when it is made, read and changed`, async () => {
    assert.equal((await plugin.create(type, inputs, true)).state["id"], unknown);
    const { id: name, state } = await plugin.create(type, inputs);
    assert.equal(state["id"], name);
    const without = Object.fromEntries(Object.entries(state).filter(([property]) => property !== "id"));
    assert.deepEqual(
      (await plugin.read(type, name, inputs, without)).state,
      state,
      "one from before has it after a refresh",
    );
    assert.equal((await plugin.update(type, name, without, inputs))["id"], name);
    assert.equal((await plugin.diff(type, inputs, without, inputs)).some, false);
    assert.equal((await plugin.diff(type, inputs, state, inputs)).some, false);
  });
}

test("RandomBytes has no id among the outputs: it is made of one of them", async () => {
  const { id: name, state } = await plugin.create(bytes, { length: 4 });
  assert.ok(!("id" in state));
  assert.ok(!("id" in (await plugin.read(bytes, name, { length: 4 }, state)).state));
});

test("RandomInteger, RandomShuffle, RandomUuid", async () => {
  for (let round = 0; round < 20; round++) {
    const { id: name, state } = await plugin.create("random:index/randomInteger:RandomInteger", { min: 3, max: 5 });
    assert.ok([3, 4, 5].includes(Number(state["result"])));
    assert.equal(name, textOf(state["result"]));
  }
  const shuffle = { inputs: ["a", "b", "c"], resultCount: 5 };
  const { id: name, state } = await plugin.create("random:index/randomShuffle:RandomShuffle", shuffle);
  assert.equal(name, "-");
  const results = state["results"] as string[];
  assert.equal(results.length, 5);
  assert.deepEqual(results.slice(0, 3).sort(), ["a", "b", "c"]);
  const uuid = await plugin.create("random:index/randomUuid:RandomUuid", {});
  assert.match(uuid.id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.equal(uuid.state["result"], uuid.id);
  await assert.rejects(
    plugin.create("random:index/randomInteger:RandomInteger", { min: 1, max: 2, seed: "s" }),
    /seed is not supported/,
  );
});
