/** What the sandbox says when it cannot be: the whole sentence, for machines that are made up. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { cacheDirectory } from "../../build/cache.ts";
import { lookUpHost } from "../../sandbox/hostCatalog.ts";
import { chooseMirror, parseTargets } from "../../sandbox/packageMirror.ts";
import {
  overlaps,
  requireFreeAddresses,
  requireRoom,
  requireRootOnLinux,
  type MachineProbe,
} from "../../sandbox/preconditions.ts";
import { atSite, defaultSite, siteNumbered } from "../../sandbox/state.ts";

const fit: MachineProbe = {
  platform: "linux",
  userId: 0,
  freeBytes: () => Promise.resolve(100 * 2 ** 30),
  routes: () =>
    Promise.resolve([
      { dst: "default", dev: "eth0" },
      { dst: "10.0.0.0/8", dev: "eth0" },
    ]),
};

test("a sandbox is named by a number", () => {
  assert.equal(siteNumbered(undefined), defaultSite);
  assert.equal(siteNumbered(""), defaultSite);
  assert.deepEqual(siteNumbered("2"), {
    name: "k3s-ha-2",
    stateDirectory: "/var/lib/k3s-ha-sandbox-2",
    addressPrefix: "198.18.2",
  });
  assert.throws(() => siteNumbered("two"), {
    message: 'K3S_HA_SANDBOX is "two"; it has to be a number from 1 to 9, or unset.',
  });
  assert.equal(
    atSite("a: 198.51.100.11\nb: /var/lib/k3s-ha-sandbox/ssh", siteNumbered("2")),
    "a: 198.18.2.11\nb: /var/lib/k3s-ha-sandbox-2/ssh",
  );
});

describe("a machine that cannot have the sandbox is refused", () => {
  test("when it does not run Linux", () => {
    assert.throws(() => {
      requireRootOnLinux({ ...fit, platform: "darwin" });
    }, /^Error: The sandbox needs Linux and this machine runs darwin; run it on a Linux machine, or point the stack at hosts of your own \(see README\.md\)\.$/);
  });

  test("to users who are not root", () => {
    assert.throws(() => {
      requireRootOnLinux({ ...fit, userId: 1000 });
    }, /^Error: The sandbox needs root on this machine and you are user 1000; run it with sudo, or point the stack at hosts of your own/);
  });

  test("when its disk is too full for the hosts, or for an empty cache", async () => {
    const nearlyFull = { ...fit, freeBytes: () => Promise.resolve(1.25 * 2 ** 30) };
    await assert.rejects(requireRoom(nearlyFull, defaultSite, true), {
      message:
        "The sandbox needs 6 GiB at /var/lib/k3s-ha-sandbox and 1.3 GiB are free there; free some space, or delete what you do not need there.",
    });
    const fullCache = {
      ...fit,
      freeBytes: (path: string) => Promise.resolve((path === cacheDirectory ? 7 : 100) * 2 ** 30),
    };
    await requireRoom(fullCache, defaultSite, true);
    await assert.rejects(requireRoom(fullCache, defaultSite, false), {
      message: `The sandbox needs 12 GiB at ${cacheDirectory} and 7.0 GiB are free there; free some space, or set XDG_CACHE_HOME to a directory with enough space.`,
    });
  });

  test("when another network has its addresses, or a part of them", async () => {
    const routed = (dst: string, dev = "vpn0") => ({ ...fit, routes: () => Promise.resolve([{ dst, dev }]) });
    await assert.rejects(requireFreeAddresses(routed("198.51.100.128/25"), defaultSite), {
      message:
        "The sandbox's addresses 198.51.100.0/24 are in use: this machine has a route to 198.51.100.128/25 through vpn0; remove that route, or run the sandbox on another machine.",
    });
    await assert.rejects(requireFreeAddresses(routed("198.51.0.0/16"), defaultSite), /a route to 198\.51\.0\.0\/16/);
    await assert.rejects(requireFreeAddresses(routed("198.51.100.7"), defaultSite), /a route to 198\.51\.100\.7/);
    await requireFreeAddresses(routed("198.51.100.0/24", defaultSite.name), defaultSite);
    await requireFreeAddresses(fit, defaultSite);
  });
});

test("blocks overlap when one holds the other's addresses", () => {
  assert.ok(overlaps("10.0.0.0/8", "10.200.3.4"));
  assert.ok(overlaps("198.51.100.0/25", "198.51.100.0/24"));
  assert.ok(!overlaps("198.51.101.0/24", "198.51.100.0/24"));
  assert.ok(!overlaps("192.0.2.0/24", "198.51.100.0/24"));
  assert.ok(!overlaps("default", "198.51.100.0/24"));
  assert.ok(!overlaps("0.0.0.0/0", "198.51.100.0/24"));
});

test("a host that there cannot be is refused with those that there can be", () => {
  for (const name of ["server-0", "server-10", "web-1", "server", "agent-51", "../etc", "server-01"]) {
    assert.throws(() => lookUpHost(defaultSite, name), {
      message: `The sandbox has no host "${name}"; its hosts are server-1 … server-9, db-1 … db-9, lb-1 … lb-9, agent-1 … agent-50, mysql-1 … mysql-9.`,
    });
  }
  const addresses = [
    "server-1",
    "server-9",
    "db-1",
    "db-9",
    "lb-1",
    "lb-9",
    "agent-1",
    "agent-50",
    "mysql-1",
    "mysql-9",
  ].map((name) => lookUpHost(defaultSite, name).address.split(".")[3]);
  assert.deepEqual(addresses, ["11", "19", "20", "28", "30", "38", "41", "90", "91", "99"]);
});

describe("the mirror for the hosts' packages", () => {
  const targets = parseTargets(
    [
      "https://tools.example/apt/|nodistro|main",
      "http://mirror.example/debian-security/|bookworm-security|main",
      "http://mirror.example/debian/|bookworm-updates|main",
      "http://mirror.example/debian/|bookworm|contrib",
      "http://mirror.example/debian/|bookworm|main",
      "",
    ].join("\n"),
  );

  test("is the one that a Debian machine's apt uses, with its security updates", () => {
    assert.deepEqual(chooseMirror(targets, "bookworm"), {
      address: "http://mirror.example/debian/",
      securityAddress: "http://mirror.example/debian-security/",
    });
  });

  test("is the one that the user names", () => {
    assert.deepEqual(chooseMirror(targets, "noble", "http://other.example/debian"), {
      address: "http://other.example/debian/",
    });
  });

  test("cannot be guessed on a machine that runs something else", () => {
    const ubuntu = parseTargets("http://mirror.example/ubuntu/|noble|main\n");
    assert.throws(() => chooseMirror(ubuntu, "noble"), {
      message:
        "This machine's apt has no Debian mirror to build hosts from; set K3S_HA_DEBIAN_MIRROR to one, such as the address in the sources of a Debian machine.",
    });
  });
});
