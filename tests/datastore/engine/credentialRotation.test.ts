// Proves what a rotation calls users and resources: those of two rotations exist beside each other.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  everyRotationOf,
  longestRotatedUser,
  rotatedNames,
} from "../../../components/datastore/engine/credentialRotation.ts";

describe("the names of a rotation", () => {
  it("are the plain ones before the first rotation", () => {
    const { user, resource } = rotatedNames(undefined);
    assert.deepEqual([user("k3s"), resource("datastore-client")], ["k3s", "datastore-client"]);
  });

  it("differ between two rotations, and stay the same in each", () => {
    const [first, again, second] = ["2026-11", "2026-11", "2026-12"].map(rotatedNames).map(({ user }) => user("k3s"));
    assert.equal(first, again);
    assert.notEqual(first, second);
    assert.notEqual(first, "k3s");
  });

  it("fit into MySQL's 32 characters with the user for backups", () => {
    assert.equal(rotatedNames("x").user(`${"u".repeat(longestRotatedUser)}_backup`).length, 32);
  });

  it("are found by one pattern that matches no other user", () => {
    const pattern = new RegExp(everyRotationOf("k3s"));
    assert.match("k3s", pattern);
    assert.match(rotatedNames("2026-11").user("k3s"), pattern);
    for (const other of ["k3s_backup", "k3s_owner", "k3s2", "myk3s", rotatedNames("x").user("k3s_backup")])
      assert.doesNotMatch(other, pattern);
  });
});
