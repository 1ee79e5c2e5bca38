/** A host's report of its disks, by the real script in real bash. */
import assert from "node:assert/strict";
import { statfs } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { growingDirectories } from "../../operations/status/disks.ts";
import { hostStatusScript, parseHostFacts } from "../../operations/status/hostFacts.ts";
import { bashOutput } from "../support/bash.ts";
import { inTemporaryDirectory } from "../support/temporaryDirectory.ts";

test("a host tells what is left of the disk of a directory, and of one that is not there yet", () =>
  inTemporaryDirectory(async (directory) => {
    const asked = [directory, join(directory, "not", "yet")];
    const questions = { managedDatabase: undefined, datastoreEndpoints: [], virtualAddress: undefined };
    const { disks } = parseHostFacts(await bashOutput(hostStatusScript("backup", questions, asked), "apply"));
    const { blocks, bavail, bsize, files, type } = await statfs(directory);
    assert.deepEqual(
      disks.map(({ path }) => path),
      asked,
    );
    for (const { mount, usedBytes, freeBytes, inodesUsed, inodesFree } of disks) {
      assert.ok(directory.startsWith(mount), mount);
      assert.ok(usedBytes > 0 && usedBytes <= blocks * bsize, `${usedBytes} of ${blocks * bsize}`);
      // Others write on this disk at the same time.
      assert.ok(Math.abs(freeBytes - bavail * bsize) < 10 * 2 ** 30, `${freeBytes} and ${bavail * bsize}`);
      assert.equal(inodesUsed + inodesFree, files, `file system of type ${type}`);
    }
  }));

test("the directories that grow go by what a host is for, and by whether it takes backups", () => {
  const backups = "/srv/backups";
  assert.deepEqual(growingDirectories("datastore", backups), ["/var/lib/mysql", backups]);
  assert.deepEqual(growingDirectories("server", undefined), ["/var/lib/rancher"]);
  assert.deepEqual(growingDirectories("agent", backups), ["/var/lib/rancher", backups]);
  assert.deepEqual(growingDirectories("loadBalancer", undefined), []);
});
