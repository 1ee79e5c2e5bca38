// Proves, with mounts and disks that the test makes up, what the removal of K3s leaves alone.
import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { renderHostScript } from "../../components/host/hostScript.ts";
import { k3sScripts } from "../../components/k3s/scripts.ts";
import { bashOutput, runBash } from "../support/bash.ts";
import { definitionsOf } from "../support/hostFiles.ts";
import { inTemporaryDirectory } from "../support/temporaryDirectory.ts";

const definitions = definitionsOf(
  renderHostScript({ body: k3sScripts.k3sUninstall, variables: { host_name: "server-1" } }),
);

describe("the removal of K3s", () => {
  it("unmounts what K3s mounted, but no disk that the host's owner mounts", async () => {
    await inTemporaryDirectory(async (directory) => {
      const mounts = [
        "/dev/sdb /var/lib/rancher/k3s/agent ext4",
        "overlay /var/lib/rancher/x overlay",
        "/dev/sdc /srv xfs",
      ];
      await writeFile(join(directory, "mounts"), `${mounts.join("\n")}\n`);
      const output = await bashOutput(`${definitions}mounts_path=${directory}/mounts
systemctl() { [[ \${!#} != var-lib-rancher-k3s-agent.mount ]] || echo /run/systemd/generator/var-lib-rancher-k3s-agent.mount; }
systemd-escape() { printf '%s.mount' "$(tr / - <<<"\${!##/}")"; }
umount() { printf '%s\\n' "$*"; }
unmount_below /var/lib/rancher/
`);
      assert.equal(output, "--lazy /var/lib/rancher/x\n");
    });
  });

  it("removes files on the host's disk, but none on another disk mounted below", async () => {
    await inTemporaryDirectory(async (directory) => {
      const data = join(directory, "agent");
      await mkdir(join(data, "other-disk"), { recursive: true });
      await writeFile(join(data, "file"), "");
      await writeFile(join(directory, "mounts"), `/dev/sdb ${data}/other-disk ext4\n`);
      // A disk of its own is what rm leaves and complains of.
      await bashOutput(`${definitions}mounts_path=${directory}/mounts
rm() { printf '%s' "$2" >${directory}/how; command rm -f ${data}/file; echo "rm: skipping, since it's on a different device" >&2; return 1; }
remove_trees ${data}
`);
      assert.equal(await readFile(join(directory, "how"), "utf8"), "--one-file-system");
    });
  });

  it("fails if something prevents the removal, and names it", async () => {
    await inTemporaryDirectory(async (directory) => {
      await writeFile(join(directory, "mounts"), "/dev/sdb /elsewhere ext4\n");
      const { exitCode, stderr } = await runBash(`${definitions}mounts_path=${directory}/mounts
rm() { echo "rm: cannot remove '${directory}': Operation not permitted" >&2; return 1; }
remove_trees ${directory}
`);
      assert.deepEqual(
        [exitCode, stderr],
        [1, `server-1: rm: cannot remove '${directory}': Operation not permitted\n`],
      );
    });
  });
});
