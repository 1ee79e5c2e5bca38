// Proves, with a curl that writes down what it is asked, whose leases are given up, and when: those of a K3s that has
// ended, and no others. What that is worth on real servers, the sandbox measures.
import assert from "node:assert/strict";
import { chmod, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { execa } from "execa";
import { programPath } from "../support/programs.ts";
import { inTemporaryDirectory } from "../support/temporaryDirectory.ts";

const me = hostname();

/** A K3s that answers at 127.0.0.1 and at a peer, each only while its file is there. */
class Server {
  private readonly directory: string;
  private constructor(directory: string) {
    this.directory = directory;
  }

  static async in(directory: string, holders: Readonly<Record<string, string>>): Promise<Server> {
    const path = (name: string) => join(directory, name);
    await mkdir(path("run"));
    const script = await readFile(new URL("../../components/balancer/k3sStop.sh", import.meta.url), "utf8");
    await writeFile(path("k3s-stop"), script.replace("directory=/run/k3s-ha", `directory='${path("run")}'`));
    await writeFile(
      path("curl"),
      `#!/bin/bash
url=\${!#}; for word in "$@"; do [[ $word != https://* ]] || url=$word; done
host=\${url#https://}; host=\${host%%:6443*}; what=\${url#*:6443}; what=\${what%\\?*}
[[ -e '${directory}'/up-$host ]] || exit 7
if [[ " $* " == *" PATCH "* ]]; then printf '%s %s %s\\n' "$host" "\${what##*/}" "\${*: -2:1}" >>'${directory}/patches'; exit 0; fi
[[ $what != */endpoints/kubernetes ]] || { printf '        {\\n          "ip": "192.0.2.12"\\n        }\\n'; exit 0; }
cat '${directory}'/"lease-\${what##*/}" 2>/dev/null || exit 22
`,
    );
    await chmod(path("curl"), 0o755);
    const server = new Server(directory);
    await server.hold(holders);
    await server.answers("127.0.0.1", "192.0.2.12");
    return server;
  }

  async hold(holders: Readonly<Record<string, string>>): Promise<void> {
    for (const [name, holder] of Object.entries(holders))
      await writeFile(
        join(this.directory, `lease-${name}`),
        `{\n  "metadata": {\n    "resourceVersion": "7${name.length}",\n    "managedFields": [{"f:holderIdentity": {}}]\n  },\n  "spec": {\n    "holderIdentity": "${holder}",\n    "leaseDurationSeconds": 45\n  }\n}\n`,
      );
  }

  /** Servers that are not named no longer answer. */
  async answers(...hosts: string[]): Promise<void> {
    await execa("bash", ["-c", `rm -f '${this.directory}'/up-*`]);
    for (const host of hosts) await writeFile(join(this.directory, `up-${host}`), "");
  }

  async run(...args: string[]): Promise<void> {
    const { exitCode, all } = await execa(programPath("bash"), [join(this.directory, "k3s-stop"), ...args], {
      env: { PATH: `${this.directory}:${process.env["PATH"] ?? ""}`, MAINPID: String(process.pid) },
      all: true,
      reject: false,
    });
    assert.equal(exitCode, 0, all);
  }

  async patches(): Promise<string[]> {
    const names = await readdir(this.directory);
    if (!names.includes("patches")) return [];
    return (await readFile(join(this.directory, "patches"), "utf8")).trimEnd().split("\n");
  }
}

const inServer = (holders: Readonly<Record<string, string>>, use: (server: Server) => Promise<void>) =>
  inTemporaryDirectory(async (directory) => use(await Server.in(directory, holders)));

const all = {
  "kube-scheduler": `${me}_1111`,
  "kube-controller-manager": "another_2222",
  k3s: me,
  "plndr-svcs-lock": me,
};

describe("k3s-stop", () => {
  it("gives up what K3s led, at a server that runs, when K3s has ended, and nothing that others hold", async () => {
    await inServer(all, async (server) => {
      await server.run("lead-away", "0");
      assert.deepEqual(await server.patches(), []);
      await server.answers("192.0.2.12");
      await server.run("give-up", "ended");
      const patches = await server.patches();
      assert.deepEqual(
        patches.map((line) => line.split(" ").slice(0, 2).join(" ")),
        ["192.0.2.12 kube-scheduler", "192.0.2.12 k3s"],
      );
      assert.match(String(patches[0]), /"resourceVersion": "714".*"holderIdentity": null, "leaseDurationSeconds": 1/);
      // Once, and not again at the next start.
      await server.run("give-up", "started");
      assert.equal((await server.patches()).length, 2);
    });
  });

  it("leaves a lease alone that another has taken over meanwhile", async () => {
    await inServer(all, async (server) => {
      await server.run("lead-away", "0");
      await server.hold({ "kube-scheduler": "another_3333", k3s: "another" });
      await server.run("give-up", "ended");
      assert.deepEqual(await server.patches(), []);
    });
  });

  it("releases at its next start what no other server could release, except leases of its new process under the same name", async () => {
    await inServer(all, async (server) => {
      await server.run("lead-away", "0");
      await server.answers();
      await server.run("give-up", "ended");
      assert.deepEqual(await server.patches(), []);
      await server.answers("127.0.0.1");
      await server.run("give-up", "started");
      assert.deepEqual(
        (await server.patches()).map((line) => line.split(" ").slice(0, 2).join(" ")),
        ["127.0.0.1 kube-scheduler"],
      );
    });
  });

  it("gives up nothing of a K3s that was not asked to stop", async () => {
    await inServer(all, async (server) => {
      await server.run("give-up", "ended");
      await server.run("give-up", "started");
      assert.deepEqual(await server.patches(), []);
    });
  });
});
