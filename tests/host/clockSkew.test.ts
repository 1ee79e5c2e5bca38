// Proves whose clock is considered wrong: one host's, this machine's, and none because a host is slow.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type ClockReading, clockProblems } from "../../components/host/clockSkew.ts";

const now = Date.parse("2026-11-27T12:00:00Z");

/** A host whose clock is ahead, and which took some time to answer. */
function reading(name: string, aheadSeconds: number, tookSeconds = 0): ClockReading {
  return {
    login: {
      name,
      path: `k3s-ha:servers.${name}`,
      address: "198.51.100.11",
      port: 22,
      user: "root",
      hostKey: "",
      privateKey: undefined,
      bastion: undefined,
    },
    shown: now + aheadSeconds * 1000,
    earliest: now - tookSeconds * 1000,
    latest: now,
  };
}

describe("clockProblems", () => {
  it("names the host whose clock differs, and by how much", () => {
    assert.deepEqual(clockProblems([reading("server-1", 0), reading("server-2", -90), reading("server-3", 1)]), [
      `k3s-ha:servers.server-2 (198.51.100.11): its clock is 90 s behind this machine's. Synchronize it by NTP ("timedatectl set-ntp true" there), then run again.`,
    ]);
  });

  it("believes this machine when there is only one host", () => {
    assert.equal(clockProblems([reading("server-1", 3600)]).length, 1);
    assert.match(clockProblems([reading("server-1", 3600)])[0] ?? "", /server-1 .* 3600 s ahead of this machine's/);
  });

  it("names this machine when the hosts agree against it", () => {
    assert.deepEqual(clockProblems([reading("server-1", 300), reading("server-2", 301), reading("db-1", 299)]), [
      "The clock of this machine is 300 s behind the hosts'. Correct it, preferably by NTP, then run again: certificates created now would have the wrong time.",
    ]);
  });

  it("takes no slow answer for a wrong clock", () => {
    assert.deepEqual(clockProblems([reading("server-1", -40, 45), reading("server-2", 0)]), []);
  });

  it("says nothing of clocks that are kept", () => {
    assert.deepEqual(clockProblems([reading("server-1", 2), reading("server-2", -3)]), []);
    assert.deepEqual(clockProblems([]), []);
  });
});
