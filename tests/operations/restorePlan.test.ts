// Proves the messages of a restore, word by word: the plan with the losses, and the situation after a failure.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { lossOf, planOf, refuseNewerRelease, stateAfter } from "../../operations/restorePlan.ts";
import { managedRestore } from "../../components/datastore/managed/managedRestore.ts";
import type { HostLogin } from "../../components/host/hostLogin.ts";

const host = (name: string) => ({ name }) as HostLogin;
const hosts = {
  servers: [host("server-1"), host("server-2")],
  agents: [host("agent-1"), host("agent-2")],
  lost: [] as string[],
  database: host("db-1"),
  backup: host("backup-1"),
  driver: managedRestore({}),
  running: [host("server-1"), host("server-2")],
  missing: [] as HostLogin[],
  hasAccounts: true,
};
const manifest = {
  id: "20260131T031700Z-48210",
  k3sVersion: "v1.35.0+k3s1",
  rows: 1580,
  revision: 48_210,
  dumpSize: 4_000_000,
  size: 400_000,
  startedAt: "2026-01-31T03:17:00Z",
  tokenFingerprint: "0123456789ab",
};
const now = new Date("2026-01-31T06:20:00Z");

describe("the plan", () => {
  test("tells what is restored, what is lost by time and revision, and each step with what it costs", () => {
    assert.equal(
      planOf(manifest, { rows: 1600, revision: 48_310 }, hosts, now),
      `Restore backup 20260131T031700Z-48210 of K3s v1.35.0+k3s1: 1,580 rows up to revision 48,210, read at 2026-01-31T03:17:00Z, 3 h ago.
The datastore on db-1 holds 1,600 rows up to revision 48,310 now.
Every change to the cluster after 2026-01-31T03:17:00Z is lost: up to 100 revisions, from 48,211 to 48,310.

Steps:
  1. backup-1 opens the backup and checks it. A wrong key or a damaged backup ends the restore here, before anything is stopped.
  2. K3s stops on server-1, server-2. From here until step 4 the API is down; pods keep running.
  3. The current content of the datastore is dumped on db-1, into /var/backups/k3s-ha-before-restore; the backup is imported beside it, and the two are exchanged.
  4. K3s starts again, one host after the other, each verified: server-1, server-2. Then agent-1, agent-2 restart.
If a step is interrupted, run the same command again: it starts over and finishes.`,
    );
  });

  test("names the hosts that are declared lost, and knows an empty datastore and a cluster without agents", () => {
    const text = planOf(manifest, undefined, { ...hosts, agents: [], lost: ["server-3"] }, now);
    assert.match(text, /^The datastore on db-1 holds nothing now\.$/m);
    assert.match(text, /^Every change to the cluster after 2026-01-31T03:17:00Z is lost\.$/m);
    assert.match(text, /^Declared lost, so not connected to: server-3\.$/m);
    assert.match(text, /each verified: server-1, server-2\.$/m);
  });
});

test("the plan after a disaster builds the servers after the import, and stops and keeps nothing", () => {
  const lostServers = { running: [], missing: hosts.servers, hasAccounts: false };
  const text = planOf(manifest, undefined, { ...hosts, ...lostServers }, now);
  assert.ok(
    text.endsWith(`
  2. No server runs K3s, so none is stopped.
  3. The backup is imported on db-1, where no server may log in before.
  4. pulumi up creates what is missing, server-1, server-2 included, one server after the other, each verified. Then agent-1, agent-2 restart.
If a step is interrupted, run the same command again: it starts over and finishes.`),
    text,
  );
  const survivors = { running: hosts.servers, missing: [], hasAccounts: false };
  assert.match(
    planOf(manifest, undefined, { ...hosts, ...survivors }, now),
    /^ {2}4\. K3s starts again, .*: server-1, server-2\. pulumi up creates what is missing\. Then agent-1/m,
  );
});

test("what is lost, by what the datastore holds now", () => {
  const lost = (revision: number) => lossOf(manifest, { rows: 1, revision });
  assert.equal(lost(48_210), "Nothing is lost: the datastore is at exactly this revision now.");
  assert.equal(
    lost(48_211),
    "Every change to the cluster after 2026-01-31T03:17:00Z is lost: up to 1 revision, from 48,211 to 48,211.",
  );
  assert.equal(
    lost(432),
    "Every change to the cluster after 2026-01-31T03:17:00Z is lost; the datastore is at an earlier revision now, 432.",
  );
});

test("a failure ends with where it left the cluster", () => {
  assert.equal(stateAfter("nothing"), "Nothing was stopped or changed.");
  assert.equal(
    stateAfter("stopped"),
    "K3s is stopped on the servers, and the datastore still has its old content. Correct the cause above, and run the same command again. Or return to the old content: docs/restore.md describes how.",
  );
  assert.equal(
    stateAfter("exchanged"),
    "The datastore holds the backup now, but not all of the cluster has started on it. Correct the cause above, and run the same command again. The old content is kept.",
  );
});

test("a backup of a newer release is refused, of the same or an older one is not", () => {
  const refuse = (configured: string) => () => {
    refuseNewerRelease(manifest, configured);
  };
  assert.throws(refuse("v1.34.9+k3s1"), {
    message:
      "Backup 20260131T031700Z-48210 was taken with K3s v1.35.0+k3s1, and the stack runs v1.34.9+k3s1, which may not be able to read what a newer release wrote. Set k3s-ha:k3s.version to v1.35.0+k3s1, run up, then restore.",
  });
  assert.doesNotThrow(refuse("v1.35.0+k3s1"));
  assert.doesNotThrow(refuse("v1.35.0+k3s3"));
  // A release candidate comes before its release.
  assert.throws(
    refuse("v1.35.0-rc2+k3s1"),
    /^Error: Backup \S+ was taken with K3s v1\.35\.0\+k3s1, and the stack runs v1\.35\.0-rc2\+k3s1,/,
  );
  assert.doesNotThrow(() => {
    refuseNewerRelease({ ...manifest, k3sVersion: "v1.35.0-rc2+k3s1" }, "v1.35.0+k3s1");
  });
});
