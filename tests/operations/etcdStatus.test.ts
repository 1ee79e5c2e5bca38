// Proves what `make status` makes of the answers of an etcd's members.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { describeEtcd, type EtcdFact, etcdProblems, type EtcdScene, parseEtcd } from "../../operations/status/etcd.ts";

const etcdMembers = ["etcd-1", "etcd-2", "etcd-3"];
const fact: EtcdFact = {
  version: "3.5.16",
  bytes: 20 * 2 ** 20,
  quotaBytes: 2 * 2 ** 30,
  isLeader: false,
  isLearner: false,
  isHealthy: true,
  raftIndex: 17,
  alarms: [],
  members: etcdMembers,
};

/** Three hosts, each with what is different of its facts; undefined for one that does not answer. */
function scene(...changes: (Partial<EtcdFact> | "silent" | "unreachable")[]): EtcdScene {
  return {
    etcdMembers,
    etcdUnit: "k3s-ha-etcd",
    hosts: etcdMembers.map((name, index) => {
      const change = changes[index] ?? {};
      if (change === "unreachable") return { name, isLost: false, facts: undefined };
      const units = { "k3s-ha-etcd": change === "silent" ? "failed" : "active" };
      const etcd = change === "silent" ? undefined : { ...fact, isLeader: index === 0, ...change };
      return { name, isLost: false, facts: { etcd, units, isWhole: true } };
    }),
  };
}

describe("etcdProblems", () => {
  it("finds none in three healthy members", () => {
    assert.deepEqual(etcdProblems(scene()), []);
    assert.equal(describeEtcd(scene()), "etcd 3.5.16: 3 of 3 members healthy, leader etcd-1, 20.0 MiB of 2048 MiB");
  });

  it("says that one more loss takes the API down", () => {
    const problem =
      "2 of etcd's 3 members are healthy: one more loss takes the API down. Repair the others, or declare their hosts lost and replace them, as docs/day-two.md describes.";
    assert.deepEqual(etcdProblems(scene({}, "unreachable")), [problem]);
    assert.deepEqual(etcdProblems(scene({}, "silent")), [
      problem,
      `etcd-2: etcd's member does not answer (k3s-ha-etcd is failed). See "journalctl --unit k3s-ha-etcd" there, then run "make up".`,
    ]);
  });

  it("says that there is no majority", () => {
    const alone = { isHealthy: false, members: undefined };
    assert.deepEqual(etcdProblems(scene(alone, "unreachable", "unreachable")), [
      "0 of etcd's 3 members are healthy, and it needs 2: etcd has no majority, so no server can write. Start the other members; if their hosts are lost, see docs/day-two.md.",
      "etcd-1: etcd's member runs, but finds no majority of the others. Check the network between the members.",
    ]);
  });

  it("reports a database near its quota, and alarms", () => {
    assert.deepEqual(etcdProblems(scene({ bytes: 1.7 * 2 ** 30 })), [
      "etcd-1: etcd's database has 1.7 of the 2 GiB that it may grow to; beyond them etcd refuses every write. Raise k3s-ha:datastore.managed.quotaGibibytes, or make space, as docs/day-two.md describes.",
    ]);
    assert.match(etcdProblems(scene({ alarms: ["NOSPACE"] })).join(), /^etcd's database reached its quota/);
    assert.match(
      etcdProblems(scene({ alarms: ["CORRUPT"] })).join(),
      /^etcd found that the data of its members differ/,
    );
  });
});

describe("parseEtcd", () => {
  it("reads a member's answer", () => {
    const lines: Record<string, string[][]> = {
      etcd: [
        ["quota", "2147483648"],
        ["MemberID", "10276657743932975437"],
        ["Leader", "10276657743932975437"],
        ["IsLearner", "false"],
        ["Version", "3.5.16"],
        ["DBSize", "20480"],
        ["RaftIndex", "17"],
        ["healthy", "yes"],
      ],
      "etcd-member": [["etcd-1", "started", "false"]],
    };
    assert.deepEqual(
      parseEtcd((kind) => lines[kind] ?? []),
      { ...fact, bytes: 20480, isLeader: true, members: ["etcd-1"] },
    );
    assert.equal(
      parseEtcd(() => []),
      undefined,
    );
  });
});
