// Proves which files are accepted as private keys, with real files and the keys that OpenSSH and OpenSSL write. That a
// host lets the key in is for the sandbox to prove.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { directoryWith, hostKey, parse, problemsOf, smallStack } from "./stack.ts";

const plainKey = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
const withFile = (privateKeyFile: string) => ({ ...smallStack, ssh: { privateKeyFile } });

describe("a private key's file", () => {
  it("is accepted as ssh-keygen writes it", (test) => {
    const projectDirectory = directoryWith(test, {});
    for (const type of ["ed25519", "ecdsa", "rsa"]) {
      execFileSync("ssh-keygen", ["-q", "-t", type, "-N", "", "-f", join(projectDirectory, type)]);
      assert.doesNotThrow(() => parse(withFile(type), { projectDirectory }));
    }
  });

  it("is refused with a passphrase, in every format", (test) => {
    const projectDirectory = directoryWith(test, {});
    const at = (name: string) => join(projectDirectory, name);
    const keygen = (name: string, ...format: string[]) =>
      execFileSync("ssh-keygen", ["-q", "-t", "rsa", "-b", "2048", "-N", "hunter2", ...format, "-f", at(name)]);
    keygen("openssh");
    keygen("pem", "-m", "PEM");
    keygen("pkcs8", "-m", "PKCS8");
    for (const name of ["openssh", "pem", "pkcs8"]) {
      assert.deepEqual(problemsOf(withFile(name), { projectDirectory }), [
        `k3s-ha:ssh.privateKeyFile is "${name}" (${at(name)}), a file that holds a private key with a passphrase, which this program cannot enter: use the SSH agent, or a key without a passphrase.`,
      ]);
    }
  });

  it("is refused when others can read it", (test) => {
    const projectDirectory = directoryWith(test, { key: plainKey });
    const path = join(projectDirectory, "key");
    for (const mode of [0o644, 0o640, 0o604]) {
      chmodSync(path, mode);
      assert.deepEqual(problemsOf(withFile(path)), [
        `k3s-ha:ssh.privateKeyFile is "${path}", a private key that others can read (mode 0${mode.toString(8)}): run chmod 600 on it.`,
      ]);
    }
    chmodSync(path, 0o400);
    assert.deepEqual(problemsOf(withFile(path)), []);
  });

  it("is refused when it is the public key, or no key, or a directory", (test) => {
    const projectDirectory = directoryWith(test, { "key.pub": `${hostKey} me@here\n`, text: "hunter2\n" });
    mkdirSync(join(projectDirectory, "directory"), { mode: 0o700 });
    const problem = (name: string) => problemsOf(withFile(name), { projectDirectory });
    const beginning = (name: string) => `k3s-ha:ssh.privateKeyFile is "${name}" (${join(projectDirectory, name)}), a`;
    assert.deepEqual(problem("key.pub"), [
      `${beginning("key.pub")} file that holds a public key: use the private key, which is the file without .pub.`,
    ]);
    assert.deepEqual(problem("text"), [
      `${beginning("text")} file that holds no private key: use a complete key, from -----BEGIN … to -----END ….`,
    ]);
    assert.deepEqual(problem("directory"), [`${beginning("directory")} directory: name the file in it.`]);
  });
});
