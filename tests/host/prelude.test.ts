// Proves what every script on a host builds on, by running it in real bash in a temporary directory: files are placed
// in one step and only when they differ, revisions follow content, and no secret gets out with a journal.
import assert from "node:assert/strict";
import { chmod, mkdir, readdir, readFile, readlink, stat, symlink, writeFile } from "node:fs/promises";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { userInfo } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { renderHostScript } from "../../components/host/hostScript.ts";
import { shellQuote } from "../../components/host/shell.ts";
import { type BashResult, bashOutput, runBash } from "../support/bash.ts";
import { definitionsOf } from "../support/hostFiles.ts";
import { inTemporaryDirectory } from "../support/temporaryDirectory.ts";
import { hostScripts } from "../../components/host/scripts.ts";

/** Everything that scripts have in common, with its records kept in the test's directory. */
function prelude(directory: string): string {
  const script = renderHostScript({ body: hostScripts.packages, parts: [hostScripts.keptFiles], variables: {} });
  const at = (name: string) => shellQuote(join(directory, name));
  return `${definitionsOf(script)}state_directory=${at("state")} runtime_directory=${at("run")} earlier_lock=${at("earlier.lock")}\ncd ${shellQuote(directory)}\n`;
}

/** Tests need not be root: their files are their own. */
const owner = `${userInfo().uid}:${userInfo().gid}`;

const inDirectory = (commands: string) =>
  inTemporaryDirectory((directory) => bashOutput(prelude(directory) + commands));

describe("put_file", () => {
  const put = (content: string, mode = "0644") => `put_file "$PWD/d/file" ${mode} ${owner} <<<${shellQuote(content)}\n`;

  it("makes a file with its directories, mode and content", async () => {
    await inTemporaryDirectory(async (directory) => {
      await bashOutput(prelude(directory) + put("secret", "0600"));
      const path = join(directory, "d/file");
      assert.equal(await readFile(path, "utf8"), "secret\n");
      assert.equal((await stat(path)).mode & 0o777, 0o600);
      assert.deepEqual(await readdir(join(directory, "d")), ["file"]);
    });
  });

  it("leaves a file alone that is as it should be", async () => {
    await inTemporaryDirectory(async (directory) => {
      const path = join(directory, "d/file");
      await bashOutput(prelude(directory) + put("a"));
      const { ino, mtimeMs } = await stat(path);
      const changed = await bashOutput(`${prelude(directory)}${put("a")}printf '%s' "\${changed_paths[@]}"`);
      const now = await stat(path);
      assert.deepEqual([now.ino, now.mtimeMs, changed], [ino, mtimeMs, ""]);
      assert.deepEqual(await readdir(join(directory, "d")), ["file"]);
    });
  });

  it("replaces a file with other content, without ever changing the old one", async () => {
    await inTemporaryDirectory(async (directory) => {
      const path = join(directory, "d/file");
      await bashOutput(prelude(directory) + put("old"));
      // A process that has the old file open still reads it: it was replaced by name.
      const output = await bashOutput(
        `${prelude(directory)}exec 5<d/file\n${put("new")}cat <&5\ncat d/file\nprintf '%s' "\${changed_paths[@]}"`,
      );
      assert.equal(output, `old\nnew\n${path}`);
    });
  });

  it("repairs a changed mode of a file", async () => {
    await inTemporaryDirectory(async (directory) => {
      const path = join(directory, "d/file");
      await bashOutput(prelude(directory) + put("secret", "0600"));
      await chmod(path, 0o644);
      await bashOutput(prelude(directory) + put("secret", "0600"));
      assert.equal((await stat(path)).mode & 0o777, 0o600);
    });
  });

  it("replaces a symbolic link, and not what it points to", async () => {
    await inTemporaryDirectory(async (directory) => {
      await mkdir(join(directory, "d"));
      await writeFile(join(directory, "elsewhere"), "a\n");
      await symlink(join(directory, "elsewhere"), join(directory, "d/file"));
      await bashOutput(prelude(directory) + put("b"));
      assert.equal(await readFile(join(directory, "elsewhere"), "utf8"), "a\n");
      await assert.rejects(readlink(join(directory, "d/file")), { code: "EINVAL" });
    });
  });

  it("fails on a directory in the file's place, and puts nothing into it", async () => {
    await inTemporaryDirectory(async (directory) => {
      await mkdir(join(directory, "d/file"), { recursive: true });
      const { exitCode } = await runBash(prelude(directory) + put("b"));
      assert.notEqual(exitCode, 0);
      assert.deepEqual(await readdir(join(directory, "d/file")), []);
    });
  });

  it("never lets anybody else read a secret, not even while it is written", async () => {
    // The content is on its way; its sender checks the unfinished file in between.
    const output = await inDirectory(`
mkdir d
{
  printf 'sec'
  until stat -c '%a' d/file.* >mode 2>/dev/null; do :; done
  printf 'ret\\n'
} | put_file "$PWD/d/file" 0644 ${owner}
cat mode d/file`);
    assert.equal(output, "600\nsecret\n");
  });
});

/** Writes down in which order files come onto the disk and get their names, and does it. */
const recorded = `
sync() { printf 'sync %s\\n' "\${1#"$PWD/"}"; command sync "$@"; }
mv() { printf 'mv %s %s\\n' "\${2#"$PWD/"}" "\${3#"$PWD/"}"; command mv "$@"; }
`;

describe("a file that is written", () => {
  for (const [what, write, path] of [
    ["a host's file", `put_file "$PWD/d/file" 0600 ${owner} <<<new`, "d/file"],
    ["a record", 'write_file "$PWD/d/file" <<<new', "d/file"],
    ["a proof", "proved k3s new", "state/k3s.proved"],
    ["a unit's copies", 'printf new >config; keep k3s "$PWD/config"', "state/k3s.kept"],
  ] as const)
    it(`is on the disk before it gets its name, and has its name on the disk before the script continues: ${what}`, async () => {
      const lines = (await inDirectory(recorded + write)).trimEnd().split("\n").slice(-3);
      assert.deepEqual(lines, [
        `sync ${path}.k3s-ha-new`,
        `mv ${path}.k3s-ha-new ${path}`,
        `sync ${path.replace(/\/.*/, "")}`,
      ]);
    });

  it("is the old one after a power cut before it has its name, and the next run removes the rest", async () => {
    await inTemporaryDirectory(async (directory) => {
      const path = join(directory, "d/file");
      const put = (content: string) => `put_file "$PWD/d/file" 0600 ${owner} <<<${content}\n`;
      await bashOutput(prelude(directory) + put("old"));
      await runBash(`${prelude(directory)}mv() { kill -KILL $$; }\n${put("new")}`);
      assert.equal(await readFile(path, "utf8"), "old\n");
      assert.deepEqual(await readdir(join(directory, "d")), ["file", "file.k3s-ha-new"]);
      await bashOutput(prelude(directory) + put("old"));
      assert.deepEqual(await readdir(join(directory, "d")), ["file"]);
    });
  });
});

describe("lock_host", () => {
  it("locks where only root can open a file, also if others could before", async () => {
    const output = await inDirectory("mkdir --mode=0755 run\nlock_host\nstat -c '%a %n' run\nls run");
    assert.equal(output, "700 run\nhost.lock\n");
  });

  it("lets one script in at a time", async () => {
    const output = await inDirectory(`
(lock_host; sleep 0.5; echo first) &
sleep 0.2; lock_host; echo second`);
    assert.equal(output, "first\nsecond\n");
  });

  it("waits for a script of an earlier release, which has another lock", async () => {
    const output = await inDirectory(`
(exec 9>earlier.lock; flock 9; sleep 0.7; echo first) &
sleep 0.3; lock_host; echo second`);
    assert.equal(output, "first\nsecond\n");
  });

  it("keeps a script of an earlier release out", async () => {
    const output = await inDirectory(`
: >earlier.lock
(lock_host; sleep 0.7; echo first) &
sleep 0.3; exec 9>earlier.lock; flock --timeout 10 9; echo second`);
    assert.equal(output, "first\nsecond\n");
  });

  it("does not wait for a lock of another user", async () => {
    // A stranger's process: it has the lock, and is not among the user's.
    const output = await inDirectory(`
(exec 9>earlier.lock; flock 9; sleep 20) >/dev/null & stranger=$!
sleep 0.3; find() { :; }
lock_host; echo in; kill "$stranger"`);
    assert.equal(output, "in\n");
  });

  it("is given back for a wait, and taken again", async () => {
    const output = await inDirectory(`
: >earlier.lock; lock_host; unlock_host
flock --nonblock run/host.lock flock --nonblock earlier.lock echo free
lock_host
flock --nonblock run/host.lock true || flock --nonblock earlier.lock true || echo held`);
    assert.equal(output, "free\nheld\n");
  });
});

describe("print_revision", () => {
  const run = (directory: string, content: string, more = "") =>
    bashOutput(
      `${prelude(directory)}put_file "$PWD/file" 0600 ${owner} <<<${shellQuote(content)}\n${more}print_revision test\n`,
    );

  it("prints one random revision, and the same one while nothing changes", async () => {
    await inTemporaryDirectory(async (directory) => {
      const first = await run(directory, "a");
      assert.match(first, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\n$/);
      assert.equal(await run(directory, "a"), first);
    });
  });

  it("prints another one when a file has changed", async () => {
    await inTemporaryDirectory(async (directory) => {
      const first = await run(directory, "a");
      const second = await run(directory, "b");
      assert.notEqual(second, first);
      assert.equal(await run(directory, "b"), second);
    });
  });

  it("prints another one after a run that changed a file and was killed before it could say so", async () => {
    await inTemporaryDirectory(async (directory) => {
      const first = await run(directory, "a");
      await assert.rejects(run(directory, "b", "exit 7\n"));
      assert.notEqual(await run(directory, "b"), first);
    });
  });

  it("keeps its record, which tells whether the content changed, from all users but root", async () => {
    await inTemporaryDirectory(async (directory) => {
      await run(directory, "a");
      assert.equal((await stat(join(directory, "state/test.revision"))).mode & 0o777, 0o600);
    });
  });

  it("says nothing about the content", async () => {
    const revisions = await Promise.all(
      [1, 2].map(() => inTemporaryDirectory((directory) => run(directory, "the same"))),
    );
    assert.notEqual(revisions[0], revisions[1]);
  });
});

describe("journal_tail", () => {
  const journal = (text: string, secrets: string) =>
    inTemporaryDirectory(async (directory): Promise<BashResult> => {
      await writeFile(join(directory, "secrets.yaml"), secrets);
      return runBash(
        `${prelude(directory)}journalctl() { printf '%s\\n' ${shellQuote(text)}; }\njournal_tail k3s "$PWD/secrets.yaml"\n`,
      );
    });

  it("shows the journal on standard error only", async () => {
    const { stdout, stderr } = await journal("starting\nfailed: no route to host", "");
    assert.equal(stdout, "");
    assert.equal(stderr, "--- last lines of the journal of k3s ---\nstarting\nfailed: no route to host\n");
  });

  it("masks every value of the secret files, wherever it stands", async () => {
    const secrets = `# Written by k3s-ha
agent-token: "abcdefghijkl"
datastore-endpoint: "mysql://k3s:*?[a]$HOME@tcp(198.51.100.20:3306)/k3s"
token: "K10deadbeef::server:0123456789"
`;
    const text = `a abcdefghijklabcdefghijkl mysql://k3s:*?[a]$HOME@tcp(198.51.100.20:3306)/k3s
token=K10deadbeef::server:0123456789.`;
    const { stderr } = await journal(text, secrets);
    assert.equal(stderr.split("\n").slice(1).join("\n"), "a [secret][secret] [secret]\ntoken=[secret].\n");
  });

  it("masks the parts of a value that are secret on their own", async () => {
    const secrets = `datastore-endpoint: "mysql://k3s:0123456789abcdef@tcp(198.51.100.20:3306)/k3s"
token: "K10deadbeef::server:9876543210fedcba"
`;
    const { stderr } = await journal("login with 0123456789abcdef, joined with 9876543210fedcba", secrets);
    assert.equal(stderr.split("\n")[1], "login with [secret], joined with [secret]");
  });

  it("says so when there is no journal", async () => {
    const { stderr, exitCode } = await runBash(
      `${prelude("/")}journalctl() { echo "No journal files were found." >&2; return 1; }\njournal_tail k3s\n`,
    );
    assert.equal(exitCode, 0);
    assert.match(stderr, /\(no journal: No journal files were found\.\)/);
  });
});

describe("fingerprint", () => {
  it("changes with the content, the absence and the name of any file", async () => {
    const output = await inDirectory(`
printf 1 >a; printf 2 >b
fingerprint a b; fingerprint a b
printf 3 >b; fingerprint a b
rm b; fingerprint a b
fingerprint a; fingerprint b a`);
    const words = output.trimEnd().split("\n");
    assert.equal(words.length, 6);
    assert.equal(words[0], words[1]);
    assert.equal(new Set(words).size, 5);
    for (const word of words) assert.match(word, /^[0-9a-f]{64}$/);
  });
});

describe("runs_with", () => {
  const answer = (commands: string) =>
    inDirectory(`systemctl() { [[ $active == yes && $* == "is-active --quiet k3s" ]]; }
active=yes
${commands}
if runs_with k3s one; then echo yes; else echo no; fi`);

  it("is true only for a running unit that was last verified with exactly this", async () => {
    assert.equal(await answer("proved k3s one"), "yes\n");
    assert.equal(await answer("proved k3s two"), "no\n");
    assert.equal(await answer("proved k3s one; active=no"), "no\n");
    assert.equal(await answer(":"), "no\n");
  });
});

describe("put_back", () => {
  it("restores what a unit was proved with: contents, modes and links", async () => {
    const output = await inDirectory(`
umask 027; printf old >config; ln -s release-1 link
keep k3s "$PWD/config" "$PWD/link"
printf new >config; chmod 0666 config; ln -sfn release-2 link
put_back k3s
cat config; stat -c ' %a' config; readlink link`);
    assert.equal(output, "old 640\nrelease-1\n");
  });

  it("restores the last of several proofs", async () => {
    const output = await inDirectory(`
for text in 1 2; do printf "$text" >config; keep k3s "$PWD/config"; done
printf 3 >config; put_back k3s; cat config`);
    assert.equal(output, "2");
  });

  it("removes files that did not exist, and restores deleted ones", async () => {
    const output = await inDirectory(`
printf old >a; keep k3s "$PWD/a" "$PWD/b"
rm a; printf new >b
put_back k3s; ls; cat a`);
    assert.equal(output, "a\nstate\nold");
  });

  it("reads the copies of an earlier release, which had no list of them", async () => {
    const output = await inDirectory(`
printf old >a; mkdir state; tar --create --absolute-names --file state/k3s.kept "$PWD/a"
printf new >a; put_back k3s 2>/dev/null; cat a`);
    assert.equal(output, "old");
  });

  it("fails for a unit that was never proved, and changes nothing", async () => {
    const output = await inDirectory(
      "printf new >config\nif put_back k3s; then echo yes; else echo no; fi; cat config",
    );
    assert.equal(output, "no\nnew");
  });

  it("is kept from all users but root", async () => {
    const output = await inDirectory(
      `printf old >config; proved k3s one; keep k3s "$PWD/config"; stat -c '%a' state/k3s.kept`,
    );
    assert.equal(output, "600\n");
  });
});

describe("take_again", () => {
  const failed = `
printf old >a; keep k3s "$PWD/a" "$PWD/b"
printf new >a; printf new >b
put_back k3s
`;

  it("brings what was put back to where the failed change had it: who wrote it would not write it again", async () => {
    assert.equal(await inDirectory(`${failed}take_again k3s; cat a b; ls state`), "newnewk3s.kept\n");
  });

  it("leaves a file alone that was changed since", async () => {
    assert.equal(await inDirectory(`${failed}printf fixed >a; take_again k3s; cat a b`), "fixednew");
  });

  it("does nothing after a change that did not fail, and not a second time", async () => {
    assert.equal(
      await inDirectory(`take_again k3s; ${failed}take_again k3s; printf old >a; take_again k3s; cat a`),
      "old",
    );
  });
});

describe("a host with a proxy", () => {
  const environment =
    "http_proxy=http://127.0.0.1:9 https_proxy=http://127.0.0.1:9 no_proxy=mirror.example.com\nexport http_proxy https_proxy no_proxy\n";

  it("sends no request to the host itself or to the cluster through it", async () => {
    const server = createServer((_, response) => response.end("ok")).listen(0, "127.0.0.1");
    await once(server, "listening");
    try {
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/readyz`;
      await inTemporaryDirectory(async (directory) => {
        assert.equal(await bashOutput(`${environment}${prelude(directory)}curl --silent ${url}`), "ok");
        const { exitCode } = await runBash(`${environment}${prelude(directory)}outside curl --silent ${url}`);
        assert.equal(exitCode, 7);
      });
    } finally {
      server.close();
    }
  });

  it("downloads through it as the environment says, with the exceptions named there", async () => {
    await inTemporaryDirectory(async (directory) => {
      const shown = `${prelude(directory)}outside bash -c 'echo "$https_proxy $no_proxy $NO_PROXY"'; echo "$https_proxy $no_proxy $NO_PROXY"`;
      assert.equal(
        await bashOutput(environment + shown),
        "http://127.0.0.1:9 mirror.example.com mirror.example.com\nhttp://127.0.0.1:9 * *\n",
      );
    });
  });

  it("downloads through the cluster's proxy, if there is one, and not as the environment says", async () => {
    await inTemporaryDirectory(async (directory) => {
      await writeFile(
        join(directory, "proxy.env"),
        "# Written by k3s-ha\nhttps_proxy=http://me:p%40ss@proxy.example.com:3128\nno_proxy=localhost,10.0.0.0/8\nNO_PROXY=localhost\n",
      );
      const shown = `${prelude(directory)}proxy_path=$PWD/proxy.env
outside bash -c 'echo "$https_proxy \${http_proxy-none} $no_proxy $NO_PROXY"'; echo "$https_proxy $no_proxy $NO_PROXY"`;
      assert.equal(
        await bashOutput(environment + shown),
        "http://me:p%40ss@proxy.example.com:3128 none localhost,10.0.0.0/8 localhost\nhttp://127.0.0.1:9 * *\n",
      );
    });
  });
});

describe("install_packages", () => {
  /** Package managers that write down what they are asked, with only `bash` installed. */
  const run = (commands: string) =>
    inTemporaryDirectory((directory) =>
      runBash(`${prelude(directory)}
dpkg-query() { [[ \${!#} == bash ]] && printf installed; }
apt-get() { printf 'apt-get %s\\n' "\${*: -2}"; }
${commands}`),
    );

  it("asks for nothing when nothing is missing", async () => {
    assert.deepEqual(await run("install_packages bash"), { exitCode: 0, stdout: "", stderr: "" });
  });

  it("installs only missing packages, and keeps standard output free", async () => {
    const { stdout, stderr } = await run("install_packages bash curl openssl");
    assert.equal(stdout, "");
    assert.match(stderr, /^apt-get \S+ update\napt-get curl openssl\n$/);
  });

  it("refuses to remove a package for another one, and names both", async () => {
    const { exitCode, stderr } = await run(`host_name=db-1
apt-get() {
  [[ $* != *--simulate* ]] || { printf 'Remv mysql-server [8.0]\\nRemv mysql-server-core [8.0]\\nInst curl\\n'; return 0; }
  [[ $* != *install* || $* != *--no-remove* ]]
}
install_packages curl`);
    assert.equal(exitCode, 1);
    assert.equal(
      stderr,
      "db-1: the packages curl cannot be installed without removing mysql-server, mysql-server-core, which this program did not install. Nothing was installed or removed. Use another host for this role; or, if they are no longer needed, remove them and run up again: apt-get remove mysql-server mysql-server-core\n",
    );
  });

  it("tells needrestart to restart nothing", async () => {
    const { stderr } = await run(`apt-get() { printf '%s %s\\n' "$NEEDRESTART_SUSPEND" "$NEEDRESTART_MODE" >&2; }
export -f apt-get
install_packages curl`);
    assert.equal(stderr, "1 l\n1 l\n");
  });

  it("says what is wrong with the package sources when it fails", async () => {
    const { exitCode, stderr } = await run(`host_name=db-1
apt-get() {
  if [[ $* == *update* ]]; then echo "E: The repository 'http://x.example.com stable Release' does not have a Release file." >&2
  elif [[ $* != *--simulate* ]]; then echo 'E: Unable to locate package curl' >&2; fi
  return 100
}
install_packages curl`);
    assert.equal(exitCode, 1);
    assert.equal(
      stderr.trimEnd().split("\n").at(-1),
      "db-1: could not install curl: Unable to locate package curl. Its package lists could not be updated: The repository 'http://x.example.com stable Release' does not have a Release file. Check the package sources of this host, then run up again",
    );
  });

  it("continues after a broken package source if the missing packages come from others", async () => {
    const { exitCode, stderr } = await run(`apt-get() {
  if [[ $* == *update* ]]; then echo 'E: Failed to fetch' >&2; return 100; fi
  printf 'installed %s\n' "\${!#}"
}
install_packages curl`);
    assert.deepEqual([exitCode, stderr], [0, "E: Failed to fetch\ninstalled curl\n"]);
  });

  it("waits for the locks of apt's lists and archives, for which apt itself does not wait", async () => {
    const busy = (path: string) => `E: Could not get lock ${path}. It is held by process 812 (apt-get)`;
    const { exitCode, stderr } = await run(`sleep() { echo slept >>turns; }
apt-get() {
  printf '%s ' "\${!#}" >>turns
  [[ $(grep -c slept turns) != 0 ]] || { echo '${busy("/var/lib/apt/lists/lock")}'; return 100; }
  [[ $(grep -c slept turns) != 1 || $* == *update* ]] || { echo '${busy("/var/cache/apt/archives/lock")}'; return 100; }
}
install_packages curl
cat turns >&2`);
    assert.deepEqual([exitCode, stderr], [0, "update slept\nupdate curl slept\ncurl "]);
  });

  it("gives up on another package manager after five minutes, and names it", async () => {
    const { exitCode, stderr } = await run(`host_name=db-1
sleep() { SECONDS=$((SECONDS + 150)); }
apt-get() { echo 'E: Could not get lock /var/lib/apt/lists/lock. It is held by process 812 (apt-get)'; return 100; }
install_packages curl`);
    assert.equal(exitCode, 1);
    assert.equal(
      stderr,
      "db-1: another package manager has been working on this host for 5 minutes: E: Could not get lock /var/lib/apt/lists/lock. It is held by process 812 (apt-get). When it has finished, run up again\n",
    );
  });

  it("waits until cloud-init has finished, with or without an error, for at most five minutes", async () => {
    const cloud = (outcome: number) =>
      run(`host_name=db-1
cloud-init() { :; }
timeout() { printf '%s\n' "$*" >waited; return ${outcome}; }
install_packages curl
cat waited >&2`);
    for (const outcome of [0, 1, 2])
      assert.match((await cloud(outcome)).stderr, /\n300 cloud-init status --wait\n$/, String(outcome));
    const { exitCode, stderr } = await cloud(124);
    assert.equal(exitCode, 1);
    assert.equal(
      stderr,
      "db-1: cloud-init has not finished setting up this host after 5 minutes. See: cloud-init status --long; when it has finished, run up again\n",
    );
  });
});
