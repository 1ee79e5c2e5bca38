// Proves which numbers of members an etcd may have, and which of them may be lost or leave at the same time.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { quorumFault } from "../../../components/datastore/etcd/etcdMembersGuard.ts";
import { memberCountFault } from "../../../components/datastore/etcd/memberCount.ts";

describe("memberCountFault", () => {
  it("accepts an odd number of members, and one that a lost member completes", () => {
    const accepted = [
      [1, 0],
      [3, 0],
      [5, 0],
      [3, 1],
      [4, 1],
      [5, 1],
      [5, 2],
      [6, 1],
    ] as const;
    for (const [members, lost] of accepted)
      assert.equal(memberCountFault(members, lost), undefined, `${members}, ${lost}`);
  });

  it("refuses an even number, more than five, and a lost majority", () => {
    const refused = [
      [2, 0],
      [4, 0],
      [6, 0],
      [7, 0],
      [1, 1],
      [2, 1],
      [3, 2],
      [4, 2],
      [5, 3],
      [0, 0],
    ] as const;
    for (const [members, lost] of refused)
      assert.notEqual(memberCountFault(members, lost), undefined, `${members}, ${lost}`);
  });
});

describe("quorumFault", () => {
  const three = ["etcd-1", "etcd-2", "etcd-3"];

  it("lets one of three leave, or be replaced, or come", () => {
    assert.equal(quorumFault(three, ["etcd-1", "etcd-2"]), undefined);
    assert.equal(quorumFault(three, ["etcd-1", "etcd-2", "etcd-4"]), undefined);
    assert.equal(quorumFault(["etcd-1"], three), undefined);
    assert.equal(quorumFault(undefined, three), undefined);
  });

  it("refuses that two of three leave together, even if others come", () => {
    assert.equal(
      quorumFault(three, ["etcd-1", "etcd-4", "etcd-5"]),
      "k3s-ha:datastore.managed.hosts: etcd-2 and etcd-3 would leave the etcd of etcd-1, etcd-2, etcd-3 at the same time, and the others are no majority of it. Change one, run up, and then change the next. If they are lost, etcd has lost its majority: see docs/day-two.md.",
    );
    assert.match(
      quorumFault(three, ["etcd-1"]) ?? "",
      /^k3s-ha:datastore\.managed\.hosts: etcd-2 and etcd-3 would leave/,
    );
  });
});
