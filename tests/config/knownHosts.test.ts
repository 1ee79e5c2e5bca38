// Proves that keys are found where OpenSSH would find them, for the forms of known_hosts lines that sshd(8) describes.
// The hashed lines in "reads what ssh-keygen hashed" were written by OpenSSH's ssh-keygen -H.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { describe, it } from "node:test";
import fc from "fast-check";
import { hostKeyFault, parsePublicKey, type PublicKey, renderPublicKey } from "../../components/host/hostKey.ts";
import { findHostKey, knownHostsName, parseKnownHosts, revocationOf } from "../../components/config/knownHosts.ts";
import { publicKey } from "./stack.ts";

/** The line of the key that is found, or what else is. */
function found(file: string, address: string, port = 22): string {
  const result = findHostKey(parseKnownHosts(file), address, port);
  return result.outcome === "known" ? renderPublicKey(result.key) : result.outcome;
}

function keyOf(text: string): PublicKey {
  const key = parsePublicKey(text);
  assert.ok(key);
  return key;
}

const [first, second] = [publicKey("ssh-ed25519", 1), publicKey("ssh-ed25519", 2)];
const ecdsa = publicKey("ecdsa-sha2-nistp256", 3);
const rsa = publicKey("ssh-rsa", 4);

const keyText = fc
  .tuple(fc.constantFrom("ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp521", "ssh-rsa"), fc.nat(255))
  .map(([type, filler]) => publicKey(type, filler));
const address = fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain());
const port = fc.oneof(fc.constant(22), fc.integer({ min: 1, max: 65535 }));

function hashed(name: string, salt: Uint8Array): string {
  const hash = createHmac("sha1", salt).update(name).digest("base64");
  return `|1|${Buffer.from(salt).toString("base64")}|${hash}`;
}

describe("known hosts", () => {
  it("finds any key that was written for any address and port, plain, in a list or hashed", () => {
    const salt = fc.uint8Array({ minLength: 20, maxLength: 20 });
    fc.assert(
      fc.property(
        address,
        port,
        keyText,
        salt,
        fc.constantFrom("plain", "list", "hash"),
        (host, at, key, bytes, form) => {
          const name = knownHostsName(host.toLowerCase(), at);
          const hosts = { plain: name, list: `other.invalid,${name}`, hash: hashed(name, bytes) }[form];
          assert.equal(found(`# comment\n\n${hosts} ${key} me@here\r\n`, host, at), key);
          // Another port is another host.
          assert.equal(found(`${hosts} ${key}\n`, host, at === 2022 ? 2023 : 2022), "unknown");
        },
      ),
    );
  });

  it("reads what ssh-keygen hashed", () => {
    const file = [
      "|1|lhpc1S8do8G5eqNUxs4tT256vwY=|gsz5kuSCys1uyl84bnkzHe+LxXU= ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIALEQ9+0DgGHHvxwdaIyTIwh8Xh/7eAKDsxdLh4tzNAg",
      "|1|AkGF/0ruDmPK0RHX4tVHe1/spxs=|LMg3/fpxK0KcwQF27S6TQdJFhs4= ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINPVLQHD5LOfgXilTzLg8Dp+4QTCth3IdAF1wGsNDiym",
    ].join("\n");
    const key = (blob: string) => `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI${blob}`;
    assert.equal(found(file, "example.com"), key("ALEQ9+0DgGHHvxwdaIyTIwh8Xh/7eAKDsxdLh4tzNAg"));
    assert.equal(found(file, "203.0.113.5", 2222), key("NPVLQHD5LOfgXilTzLg8Dp+4QTCth3IdAF1wGsNDiym"));
    assert.equal(found(file, "203.0.113.5"), "unknown");
    assert.equal(found(file, "example.org"), "unknown");
  });

  it("prefers ed25519, then ECDSA, then RSA", () => {
    assert.equal(found(`h ${rsa}\nh ${ecdsa}\nh ${first}\n`, "h"), first);
    assert.equal(found(`h ${rsa}\nh ${ecdsa}\n`, "h"), ecdsa);
    assert.equal(found(`h ${rsa}\n`, "h"), rsa);
  });

  it("follows patterns, and patterns that exclude", () => {
    const file = `*.example.com,!db.example.com ${first}\n10.0.0.? ${second}\n`;
    assert.equal(found(file, "web.example.com"), first);
    assert.equal(found(file, "WEB.example.com"), first);
    assert.equal(found(file, "db.example.com"), "unknown");
    assert.equal(found(file, "10.0.0.7"), second);
    assert.equal(found(file, "10.0.0.77"), "unknown");
    assert.equal(found(file, "10a0b0c7"), "unknown");
  });

  it("takes no key that is revoked", () => {
    assert.equal(found(`h ${first}\n@revoked * ${first}\n`, "h"), "revoked");
    assert.equal(found(`@revoked h ${first}\n`, "h"), "revoked");
    assert.equal(found(`h ${first}\nh ${second}\n@revoked h ${first}\n`, "h"), second);
    assert.equal(found(`h ${first}\n@revoked other ${first}\n`, "h"), first);
    assert.equal(revocationOf(parseKnownHosts(`\n@revoked * ${first}\n`), "h", 22, keyOf(first)), 2);
    assert.equal(revocationOf(parseKnownHosts(`\n@revoked * ${first}\n`), "h", 22, keyOf(second)), undefined);
  });

  it("does not choose between two keys of the best type", () => {
    assert.equal(found(`h ${first}\nh ${second}\n`, "h"), "ambiguous");
    assert.equal(found(`h ${first}\nh,10.0.0.1 ${first}\n`, "h"), first);
  });

  it("leaves out authorities, damaged lines and markers that it does not know", () => {
    const file = `@cert-authority h ${first}\nh ssh-ed25519 AAAA\nh\n@new h ${first}\n|2|a|b ${first}\n#h ${first}\n`;
    assert.equal(found(file, "h"), "unknown");
  });
});

describe("a host key", () => {
  it("is accepted whole, with or without a comment, and refused in any part", () => {
    fc.assert(
      fc.property(keyText, fc.integer({ min: 1, max: 40 }), (key, cut) => {
        assert.equal(hostKeyFault(key), undefined);
        assert.equal(hostKeyFault(`${key} root@host\n`), undefined);
        assert.notEqual(hostKeyFault(key.slice(0, -cut)), undefined);
        assert.notEqual(hostKeyFault(key.replace(" ", " A")), undefined);
      }),
    );
  });

  it("is one key, not two", () => {
    assert.notEqual(hostKeyFault(`${first}\n${second}`), undefined);
  });
});
