// Proves which releases count as newer, and which changes of a server's release are refused, with what words.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { compareReleases, upgradeFault } from "../../components/k3s/releaseOrder.ts";

const releases = [
  "v1.9.9+k3s9",
  "v1.34.12+k3s1",
  "v1.35.0-rc2+k3s1",
  "v1.35.0-rc10+k3s1",
  "v1.35.0+k3s1",
  "v1.35.0+k3s3",
  "v1.35.0+k3s10",
  "v1.35.1+k3s1",
  "v1.36.0+k3s1",
  "v2.0.0+k3s1",
];

describe("compareReleases", () => {
  it("orders releases as they came out", () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(releases), (some) => {
        assert.deepEqual(
          some.toSorted(compareReleases),
          releases.filter((each) => some.includes(each)),
        );
      }),
    );
  });
});

describe("upgradeFault", () => {
  const allowed: [from: string, to: string][] = [
    ["v1.35.0+k3s1", "v1.35.0+k3s1"],
    ["v1.35.0+k3s1", "v1.35.0+k3s3"],
    ["v1.35.0-rc1+k3s1", "v1.35.0+k3s1"],
    ["v1.34.2+k3s1", "v1.35.0+k3s1"],
  ];
  for (const [from, to] of allowed) {
    it(`lets a server go from ${from} to ${to}`, () => {
      assert.equal(upgradeFault("server-1", from, to, undefined), undefined);
    });
  }

  it("refuses to skip a minor version", () => {
    assert.equal(
      upgradeFault("server-1", "v1.33.4+k3s1", "v1.35.0+k3s1", undefined),
      "server-1 runs K3s v1.33.4+k3s1, but k3s-ha:k3s.version is v1.35.0+k3s1: Kubernetes must not skip a minor version. Upgrade to the latest v1.34 first.",
    );
  });

  it("refuses to go back, unless it is said from what", () => {
    const sentence =
      "server-1 runs K3s v1.35.0+k3s3, but k3s-ha:k3s.version is v1.35.0+k3s1, which is older: an older release may not be able to read what a newer one has written to the datastore. Set the version to v1.35.0+k3s3; or restore the dump with the label pre-upgrade and set k3s-ha:k3s.goingBackFrom to v1.35.0+k3s3, as docs/day-two.md describes.";
    const back = (leaving: string | undefined) => upgradeFault("server-1", "v1.35.0+k3s3", "v1.35.0+k3s1", leaving);
    assert.equal(back(undefined), sentence);
    assert.equal(back("v1.35.0+k3s2"), sentence);
    assert.equal(back("v1.35.0+k3s3"), undefined);
  });
});
