// Proves what becomes of a host's files when a change of a service fails whose secrets another step has written: the
// real scripts in real bash, in a temporary directory, with a service that fails as it is told.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { renderHostScript } from "../../components/host/hostScript.ts";
import { shellQuote } from "../../components/host/shell.ts";
import { type BashResult, bashOutput, runBash } from "../support/bash.ts";
import { definitionsOf } from "../support/hostFiles.ts";
import { inTemporaryDirectory } from "../support/temporaryDirectory.ts";
import { balancerScripts } from "../../components/balancer/scripts.ts";
import { hostScripts } from "../../components/host/scripts.ts";

const owner = `${userInfo().uid}:${userInfo().gid}`;

class Balancer {
  private readonly directory: string;
  constructor(directory: string) {
    this.directory = directory;
  }

  private at(name: string): string {
    return join(this.directory, name);
  }

  private readonly setting = (name: string, value: string) => `${name}=${shellQuote(value)}\n`;

  private get places(): string {
    return (
      this.setting("state_directory", this.at("state")) +
      this.setting("runtime_directory", this.at("run")) +
      this.setting("earlier_lock", this.at("earlier.lock")) +
      this.setting("originals_directory", this.at("originals"))
    );
  }

  /** The step that writes the certificate. */
  async writeCertificate(content: string): Promise<void> {
    const script = renderHostScript({
      body: hostScripts.secretFiles,
      parts: [hostScripts.originals, hostScripts.optionalFiles],
      variables: { revision_name: "haproxy-secrets", reader: "haproxy", paths: [], optional_paths: [] },
      files: [{ path: this.at("health.pem"), content, mode: "0600", owner }],
    });
    await bashOutput(`${definitionsOf(script)}${this.places}apply\n`);
  }

  /** The step that runs the service, which takes what it is given or does not. */
  run(config: string, outcome: "works" | "fails"): Promise<BashResult> {
    const script = renderHostScript({
      body: balancerScripts.haproxyService,
      parts: [hostScripts.originals, hostScripts.keptFiles],
      variables: {
        host_name: "lb-1",
        revision: "a",
        socket: "",
        config_directory: this.directory,
        drop_in_path: this.at("drop-in"),
        max_connections: 10,
        adopt: "false",
      },
      files: [{ path: this.at("haproxy.cfg"), content: config, owner }],
    });
    return runBash(`${definitionsOf(script)}${this.places}config_path=${shellQuote(this.at("served.cfg"))}
set_aside() { :; }
systemctl() { if [[ $* == is-active* ]]; then [[ -e ${shellQuote(this.at("state/haproxy.proved"))} ]]; fi; }
journalctl() { :; }
haproxy() { :; }
check_limits() { :; }
put_file() { command cat >"$1.given"; command mv "$1.given" "$1"; put_paths+=("$1"); }
served_revision() { echo a; }
wait_until_served() { :; }
wait_until_up() { [[ ${outcome} == works ]] || fail "it does not work"; }
apply
`);
  }

  async files(): Promise<string[]> {
    return Promise.all(
      ["served.cfg", "health.pem"].map(async (name) => (await readFile(this.at(name), "utf8")).trim()),
    );
  }
}

const onBalancer = (use: (balancer: Balancer) => Promise<void>) =>
  inTemporaryDirectory((directory) => use(new Balancer(directory)));

describe("a change of a service that fails, with a certificate that another step has written", () => {
  const fails = async (balancer: Balancer) => {
    await balancer.writeCertificate("old");
    assert.equal((await balancer.run("one", "works")).exitCode, 0);
    await balancer.writeCertificate("new");
    const { exitCode, stderr } = await balancer.run("two", "fails");
    assert.equal(exitCode, 1);
    assert.match(stderr, /it serves its previous configuration again/);
  };

  it("is put back with the certificate: that is what ran before", async () => {
    await onBalancer(async (balancer) => {
      await fails(balancer);
      assert.deepEqual(await balancer.files(), ["one", "old"]);
    });
  });

  it("is tried again with the new certificate, which no step would write a second time", async () => {
    await onBalancer(async (balancer) => {
      await fails(balancer);
      assert.equal((await balancer.run("three", "works")).exitCode, 0);
      assert.deepEqual(await balancer.files(), ["three", "new"]);
    });
  });

  it("is forgotten when the certificate is taken back as well", async () => {
    await onBalancer(async (balancer) => {
      await fails(balancer);
      await balancer.writeCertificate("old");
      assert.equal((await balancer.run("one", "works")).exitCode, 0);
      assert.deepEqual(await balancer.files(), ["one", "old"]);
    });
  });
});
