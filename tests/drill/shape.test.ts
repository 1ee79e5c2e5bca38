import assert from "node:assert/strict";
import { test } from "node:test";
import { drillEvents } from "./events.ts";
import { hostsOf, type Shape, sixHosts, threeHosts } from "./shape.ts";

const leftOut = (shape: Shape) =>
  drillEvents.filter(({ leftOut: reason }) => reason?.(shape) !== undefined).map(({ name }) => name);

test("three hosts share all roles, with a fourth that is added and removed, and leave out no event", () => {
  assert.deepEqual(hostsOf(threeHosts), ["server-3", "server-1", "server-2", "server-4"]);
  assert.deepEqual(leftOut(threeHosts), []);
});

test("six hosts have a role each, and leave out the event of a datastore that falls with a server", () => {
  assert.deepEqual(hostsOf(sixHosts), ["db-1", "lb-1", "lb-2", "server-1", "server-2", "server-3", "agent-1"]);
  assert.deepEqual(leftOut(sixHosts), ["datastore-power-cut"]);
});
