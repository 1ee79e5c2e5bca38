/**
 * A second site on this machine, for tests of the sandbox itself: a user of the machine's sandbox is not
 * disturbed. As a program, `node testSite.ts HOST …` it brings hosts up, for tests that kill it.
 */
import { up } from "../../sandbox/sandbox.ts";
import type { Site } from "../../sandbox/state.ts";

/** Addresses for measurements between networks (RFC 2544): no hosts have them. */
export const testSite: Site = {
  name: "k3s-ha-test",
  stateDirectory: "/var/lib/k3s-ha-sandbox-test",
  addressPrefix: "198.18.51",
};

if (import.meta.main) await up({ hosts: process.argv.slice(2) }, testSite);
