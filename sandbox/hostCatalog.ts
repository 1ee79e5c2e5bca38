/**
 * The hosts that the sandbox knows by name. Any name of the form `<role>-<number>` is a host; those in `defaultHosts`
 * are made by default. A name always has the same address, so that configuration can name it. No host
 * has .100 to .253: those are free for virtual addresses.
 */
import type { Flavour } from "./image.ts";
import { type Site } from "./state.ts";

/** What a host is for. K3s hosts (`server`, `agent`) need more from the machine than the others. */
export type SandboxHostRole = "database" | "balancer" | "server" | "agent";

/** A host before it is made. */
export interface CatalogHost {
  readonly name: string;
  readonly role: SandboxHostRole;
  /** IPv4. */
  readonly address: string;
  /** What it has on its disk, whatever the others have. Default: what all have. */
  readonly flavour?: Flavour;
}

/** What `up` makes unless told otherwise: the smallest cluster in which nothing but the database and the load balancer is single. */
export const defaultHosts = ["db-1", "lb-1", "server-1", "server-2", "agent-1"] as const;

/** Name before the dash, role, last octet of the address of number 0, and the highest number. */
const hostCatalog = [
  { prefix: "server", role: "server", octet: 10, highest: 9 },
  { prefix: "db", role: "database", octet: 19, highest: 9 },
  { prefix: "lb", role: "balancer", octet: 29, highest: 9 },
  { prefix: "agent", role: "agent", octet: 40, highest: 50 },
  // Existing database servers: MySQL and, switched off, PostgreSQL and etcd.
  { prefix: "mysql", role: "database", octet: 90, highest: 9, flavour: "mysql" },
] as const;

/** The host that a name stands for. Throws when there is none, and says what names there are. */
export function lookUpHost(site: Site, name: string): CatalogHost {
  const [, prefix, digits] = /^([a-z]+)-([1-9][0-9]?)$/.exec(name) ?? [];
  const entry = hostCatalog.find((each) => each.prefix === prefix);
  const number = Number(digits);
  if (entry === undefined || number > entry.highest) {
    const names = hostCatalog.map((each) => `${each.prefix}-1 … ${each.prefix}-${each.highest}`).join(", ");
    throw new Error(`The sandbox has no host "${name}"; its hosts are ${names}.`);
  }
  return {
    name,
    role: entry.role,
    address: `${site.addressPrefix}.${entry.octet + number}`,
    ...("flavour" in entry ? { flavour: entry.flavour } : {}),
  };
}

/** True for hosts that run K3s. */
export function runsK3s(role: SandboxHostRole): boolean {
  return role === "server" || role === "agent";
}
