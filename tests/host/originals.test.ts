// Proves what becomes of files that others left on a host, in real bash in a temporary directory: a copy is kept before
// such a file is replaced, the removal puts it back, and nothing that this program did not write is deleted.
import assert from "node:assert/strict";
import { lstat, mkdir, readdir, readFile, readlink, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { renderHostScript } from "../../components/host/hostScript.ts";
import { shellQuote } from "../../components/host/shell.ts";
import { bashOutput } from "../support/bash.ts";
import { definitionsOf } from "../support/hostFiles.ts";
import { inTemporaryDirectory } from "../support/temporaryDirectory.ts";
import { hostScripts } from "../../components/host/scripts.ts";
import { writtenBy } from "../../components/host/writtenBy.ts";

const ours = `# ${writtenBy}\nours\n`;

/** Runs commands with a systemd that notes what it is asked, and a dpkg that knows one file, `packaged`, as its own. */
async function run(directory: string, commands: string, { enabled = true, active = true } = {}): Promise<string> {
  const script = renderHostScript({
    body: hostScripts.packages,
    parts: [hostScripts.originals],
    variables: { host_name: "lb-1" },
  });
  return bashOutput(`${definitionsOf(script)}
originals_directory=${shellQuote(join(directory, "state/adopted"))}
cd ${shellQuote(directory)}
systemctl() {
  case $1 in
    is-enabled) ${String(enabled)} ;;
    is-active) ${String(active)} ;;
    *) printf 'systemctl %s\\n' "$*" ;;
  esac
}
dpkg-query() {
  if [[ $1 == --search ]]; then [[ $2 == */packaged ]] && printf 'haproxy: %s\\n' "$2"; else printf ' %s %s\\n' "$PWD/packaged" "$(printf 'as packaged\\n' | md5sum | cut -d ' ' -f 1)"; fi
}
${commands}
`);
}

const kept = (directory: string) => join(directory, "state/adopted", directory);

describe("set_aside", () => {
  it("keeps a copy of what others wrote, for root alone, with how its service was run", async () => {
    await inTemporaryDirectory(async (directory) => {
      await writeFile(join(directory, "haproxy.cfg"), "theirs\n", { mode: 0o640 });
      await run(directory, 'set_aside haproxy "$PWD/haproxy.cfg"');
      assert.equal(await readFile(join(kept(directory), "haproxy.cfg"), "utf8"), "theirs\n");
      assert.equal((await stat(join(kept(directory), "haproxy.cfg"))).mode & 0o777, 0o640);
      assert.equal((await stat(join(directory, "state/adopted"))).mode & 0o777, 0o700);
      assert.equal(await readFile(join(directory, "state/adopted/haproxy.service"), "utf8"), "yes yes\n");
      assert.equal(await readFile(join(directory, "haproxy.cfg"), "utf8"), "theirs\n");
    });
  });

  it("keeps no copy of this program's own files, nor of what is not there", async () => {
    await inTemporaryDirectory(async (directory) => {
      await writeFile(join(directory, "haproxy.cfg"), ours);
      await writeFile(join(directory, "keepalived.conf"), `$INTERFACE=eth0\n${ours}`);
      await run(directory, 'set_aside haproxy "$PWD/haproxy.cfg" "$PWD/keepalived.conf" "$PWD/absent"');
      assert.deepEqual(await readdir(directory), ["haproxy.cfg", "keepalived.conf"]);
    });
  });

  it("keeps the first copy when it runs again, and a later stranger's file beside it", async () => {
    await inTemporaryDirectory(async (directory) => {
      await writeFile(join(directory, "haproxy.cfg"), "first\n");
      await run(directory, 'set_aside haproxy "$PWD/haproxy.cfg"\nset_aside haproxy "$PWD/haproxy.cfg"');
      assert.deepEqual(await readdir(kept(directory)), ["haproxy.cfg"]);
      await writeFile(join(directory, "haproxy.cfg"), "second\n");
      await run(directory, 'set_aside haproxy "$PWD/haproxy.cfg"');
      const [first = "", second = ""] = (await readdir(kept(directory))).toSorted();
      assert.equal(await readFile(join(kept(directory), first), "utf8"), "first\n");
      assert.match(second, /^haproxy\.cfg\.\d{8}T\d{6}Z$/);
      assert.equal(await readFile(join(kept(directory), second), "utf8"), "second\n");
    });
  });

  it("keeps a package's own file without its service, which was not set up", async () => {
    await inTemporaryDirectory(async (directory) => {
      await writeFile(join(directory, "packaged"), "as packaged\n");
      await run(directory, 'set_aside haproxy "$PWD/packaged"');
      assert.deepEqual(await readdir(kept(directory)), ["packaged"]);
      await assert.rejects(stat(join(directory, "state/adopted/haproxy.service")), { code: "ENOENT" });
    });
  });
});

describe("is_foreign", () => {
  it("is true of what neither this program wrote nor a package left so", async () => {
    await inTemporaryDirectory(async (directory) => {
      await writeFile(join(directory, "ours"), ours);
      await writeFile(join(directory, "packaged"), "as packaged\n");
      await writeFile(join(directory, "theirs"), "theirs\n");
      await symlink("/usr/local/lib/k3s-ha/k3s/v1/k3s", join(directory, "our-link"));
      await symlink("/opt/k3s", join(directory, "their-link"));
      const judge =
        'for name in ours packaged theirs our-link their-link absent; do if is_foreign "$PWD/$name"; then echo "$name"; fi; done';
      assert.equal(await run(directory, judge), "theirs\ntheir-link\n");
      await writeFile(join(directory, "packaged"), "changed\n");
      assert.equal(await run(directory, 'is_foreign "$PWD/packaged" && echo foreign'), "foreign\n");
    });
  });
});

describe("give_back", () => {
  it("puts files and links back with their modes, runs the service as before, and leaves no copy", async () => {
    await inTemporaryDirectory(async (directory) => {
      await mkdir(join(directory, "bin"));
      await writeFile(join(directory, "haproxy.cfg"), "theirs\n", { mode: 0o640 });
      await symlink("k3s", join(directory, "bin/kubectl"));
      await run(directory, 'set_aside haproxy "$PWD/haproxy.cfg" "$PWD/bin/kubectl"');
      await writeFile(join(directory, "haproxy.cfg"), ours);
      const asked = await run(directory, 'rm "$PWD/bin/kubectl"\ngive_back haproxy "$PWD/haproxy.cfg" "$PWD/bin"');
      assert.equal(asked, "systemctl daemon-reload\nsystemctl enable --quiet haproxy\nsystemctl restart haproxy\n");
      assert.equal(await readFile(join(directory, "haproxy.cfg"), "utf8"), "theirs\n");
      assert.equal((await lstat(join(directory, "haproxy.cfg"))).mode & 0o777, 0o640);
      assert.equal(await readlink(join(directory, "bin/kubectl")), "k3s");
      assert.deepEqual(await readdir(join(directory, "state")), []);
    });
  });

  it("leaves a service off that was off", async () => {
    await inTemporaryDirectory(async (directory) => {
      await writeFile(join(directory, "haproxy.cfg"), "theirs\n");
      await run(directory, 'set_aside haproxy "$PWD/haproxy.cfg"', { enabled: false, active: false });
      assert.equal(
        await run(directory, 'give_back haproxy "$PWD/haproxy.cfg"'),
        "systemctl daemon-reload\nsystemctl disable --quiet haproxy\nsystemctl stop haproxy\n",
      );
    });
  });

  it("does nothing when nothing was kept, also a second time", async () => {
    await inTemporaryDirectory(async (directory) => {
      await writeFile(join(directory, "haproxy.cfg"), "theirs\n");
      assert.equal(await run(directory, 'give_back haproxy "$PWD/haproxy.cfg"'), "");
      assert.equal(await readFile(join(directory, "haproxy.cfg"), "utf8"), "theirs\n");
    });
  });
});

describe("remove_ours", () => {
  it("removes what this program wrote, and nothing of others", async () => {
    await inTemporaryDirectory(async (directory) => {
      await writeFile(join(directory, "ours"), ours);
      await writeFile(join(directory, "theirs"), "theirs\n");
      await run(directory, 'remove_ours "$PWD/ours"\nremove_ours "$PWD/theirs"\nremove_ours "$PWD/absent"');
      assert.deepEqual(await readdir(directory), ["theirs"]);
    });
  });
});
