import { memberCountFault } from "../../datastore/etcd/memberCount.ts";
import { configPath } from "../configPath.ts";
import type { Problem } from "../problem.ts";
import type { Configuration } from "../schema.ts";

type Managed = NonNullable<NonNullable<Configuration["datastore"]>["managed"]>;

/** The settings that only one engine has. */
const ofDatabases = ["name", "host", "onServer", "database", "bufferPoolMebibytes"] as const;
const ofMariadb = ["credentialRotation", "credentialsLeaked"] as const;
const ofEtcd = ["hosts", "peerPort", "quotaGibibytes", "majorityLost"] as const;

const path = (...steps: string[]) => configPath("datastore", "managed", ...steps);

/** What an engine lacks, what it does not have, and a number of members that it gains nothing from. */
export function unusableManagedDatastore({ datastore }: Configuration): Problem[] {
  const managed = datastore?.managed;
  if (managed === undefined) return [];
  const problems = managed.engine === "etcd" ? problemsOfEtcd(managed) : problemsOfDatabase(managed);
  return [...problems, ...rotationsOfOthers(managed)].map((problem) => ({
    ...problem,
    presumes: [path("engine"), problem.path],
  }));
}

function rotationsOfOthers(managed: Managed): Problem[] {
  if (managed.engine === "mariadb") return [];
  const fault = "is set, but only the users of a MariaDB are rotated: remove it, or set engine to mariadb";
  return ofMariadb.filter((name) => managed[name] !== undefined).map((name) => ({ path: path(name), fault }));
}

function problemsOfDatabase(managed: Managed): Problem[] {
  const missing: Problem[] = [];
  if (managed.name === undefined) {
    const fault = "is missing and has to be a name: write the name of the datastore's host, such as db-1";
    missing.push({ path: path("name"), fault });
  }
  if (managed.host === undefined && managed.onServer === undefined) {
    const fault = "is missing and has to be a map of settings: write it like {address: 203.0.113.20}";
    missing.push({ path: path("host"), fault });
  }
  const fault = "is set, but only etcd has it: remove it, or set engine to etcd";
  const strange = ofEtcd.filter((name) => managed[name] !== undefined).map((name) => ({ path: path(name), fault }));
  return [...missing, ...strange];
}

function problemsOfEtcd(managed: Managed): Problem[] {
  const fault = "is set, but an etcd does not have it: remove it, or set engine to mariadb or postgres";
  const strange = ofDatabases
    .filter((name) => managed[name] !== undefined)
    .map((name) => ({ path: path(name), fault }));
  if (managed.port !== undefined && managed.port === (managed.peerPort ?? 2380)) {
    const same = `is ${managed.port}, as is the port that etcd's members reach each other on: choose another port`;
    strange.push({ path: path("port"), fault: same });
  }
  if (managed.hosts === undefined) {
    const missing = "is missing, but etcd needs hosts: write one, three or five like {etcd-1: {address: 203.0.113.21}}";
    return [...strange, { path: path("hosts"), fault: missing }];
  }
  const hosts = Object.values(managed.hosts);
  const count = memberCountFault(hosts.length, hosts.filter(({ lost }) => lost).length);
  return count === undefined ? strange : [...strange, { path: path("hosts"), fault: count }];
}
