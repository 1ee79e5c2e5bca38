/** An etcd on hosts of the stack's own: what its members say, and what is wrong with it. */
import { etcdUnit } from "../../components/datastore/etcd/etcdConfig.ts";
import type { HostFacts } from "./hostFacts.ts";

/** A member, as its own host tells. */
export interface EtcdFact {
  readonly version: string;
  /** Bytes of the database's file. */
  readonly bytes: number;
  /** Bytes that the file may grow to. */
  readonly quotaBytes: number;
  readonly isLeader: boolean;
  /** Whether it still has no vote, because it is catching up. */
  readonly isLearner: boolean;
  /** Whether it answers a read that a majority agrees to. */
  readonly isHealthy: boolean;
  /** The revision of its log. */
  readonly raftIndex: number;
  /** etcd's words: "NOSPACE", "CORRUPT". */
  readonly alarms: readonly string[];
  /** All members that it knows; undefined if it could not tell, since there is no majority. */
  readonly members: readonly string[] | undefined;
}

/** What the judgement of an etcd takes of a cluster's facts. */
export interface EtcdScene {
  /** Names of its members' hosts as configured, lost ones included; undefined if the stack runs none. */
  readonly etcdMembers: readonly string[] | undefined;
  /** The unit that its members run in: K3s's own, if they are inside the servers. */
  readonly etcdUnit: string;
  readonly hosts: readonly {
    readonly name: string;
    readonly isLost: boolean;
    readonly facts: Pick<HostFacts, "etcd" | "units" | "isWhole"> | undefined;
  }[];
}

/** Share of the quota above which the database is reported, in percent. */
const quotaPercent = 80;

/** Reads what `etcdStatus.sh` told; undefined if the member did not answer. */
export function parseEtcd(all: (kind: string) => string[][]): EtcdFact | undefined {
  const answers = Object.fromEntries(all("etcd").map(([name = "", value = ""]) => [name, value]));
  const number = (name: string) => Number(answers[name] ?? 0);
  if (!("MemberID" in answers)) return undefined;
  const members = all("etcd-member").map(([name = "", status = ""]) =>
    status === "started" ? name : `${name || "?"} (never started)`,
  );
  return {
    version: answers["Version"] ?? "",
    bytes: number("DBSize"),
    quotaBytes: number("quota"),
    isLeader: answers["Leader"] === answers["MemberID"],
    isLearner: answers["IsLearner"] === "true",
    isHealthy: answers["healthy"] === "yes",
    raftIndex: number("RaftIndex"),
    alarms: all("etcd-alarm").map(([alarm = ""]) => alarm),
    members: members.length === 0 ? undefined : members,
  };
}

/** The members that answer for a majority, and how many of them etcd needs. */
export function etcdQuorum({ etcdMembers = [], hosts }: EtcdScene) {
  const known = hosts.find(({ facts }) => facts?.etcd?.members !== undefined)?.facts?.etcd?.members?.length;
  // Declared lost, and removed from etcd already, is no member.
  const members = known ?? etcdMembers.length;
  const healthy = hosts.filter(({ facts }) => facts?.etcd?.isHealthy === true && !facts.etcd.isLearner);
  return { members, healthy: healthy.map(({ name }) => name), needed: Math.floor(members / 2) + 1 };
}

/** A sentence for each thing that is wrong, the gravest first. */
export function etcdProblems(scene: EtcdScene): string[] {
  if (scene.etcdMembers === undefined) return [];
  const own = scene.hosts.filter(({ name }) => scene.etcdMembers?.includes(name) === true);
  return [
    ...quorumProblems(scene),
    ...own.flatMap((host) => memberProblems(host, scene.etcdUnit)),
    ...databaseProblems(own, scene.etcdUnit),
  ];
}

function quorumProblems(scene: EtcdScene): string[] {
  const { members, healthy, needed } = etcdQuorum(scene);
  const count = `${healthy.length} of etcd's ${members} members ${healthy.length === 1 ? "is" : "are"} healthy`;
  if (healthy.length < needed) {
    return [
      `${count}, and it needs ${needed}: etcd has no majority, so no server can write. Start the other members; if their hosts are lost, see docs/day-two.md.`,
    ];
  }
  if (healthy.length === needed && members > 1) {
    return [
      `${count}: one more loss takes the API down. Repair the others, or declare their hosts lost and replace them, as docs/day-two.md describes.`,
    ];
  }
  return [];
}

function memberProblems({ name, isLost, facts }: EtcdScene["hosts"][number], unit: string): string[] {
  // Why a host did not answer is told already.
  if (isLost || facts === undefined) return [];
  const { etcd, units } = facts;
  if (etcd === undefined) {
    if (!facts.isWhole) return [];
    return [
      `${name}: etcd's member does not answer (${unit} is ${units[unit] ?? "missing"}). See "journalctl --unit ${unit}" there, then run "make up".`,
    ];
  }
  if (etcd.isLearner) return [`${name}: etcd's member has no vote yet. Run "make up", which gives it one.`];
  if (etcd.isHealthy) return [];
  return [`${name}: etcd's member runs, but finds no majority of the others. Check the network between the members.`];
}

function databaseProblems(own: EtcdScene["hosts"], unit: string): string[] {
  // K3s's own has etcd's standard quota.
  const [raise, orMake] =
    unit === etcdUnit
      ? [
          ", and raise k3s-ha:datastore.managed.quotaGibibytes",
          "Raise k3s-ha:datastore.managed.quotaGibibytes, or make",
        ]
      : ["", "Make"];
  const told = own.flatMap(({ name, facts }) => (facts?.etcd === undefined ? [] : [{ name, ...facts.etcd }]));
  const alarms = new Set(told.flatMap((each) => each.alarms));
  const full = told.filter(({ bytes, quotaBytes }) => quotaBytes > 0 && (100 * bytes) / quotaBytes > quotaPercent);
  return [
    ...(alarms.has("NOSPACE")
      ? [
          `etcd's database reached its quota, so etcd refuses every write (alarm NOSPACE). See docs/day-two.md for how to make space${raise}.`,
        ]
      : []),
    ...(alarms.has("CORRUPT")
      ? [
          `etcd found that the data of its members differ (alarm CORRUPT). Replace the member whose data differ, or restore a backup, as docs/day-two.md describes.`,
        ]
      : []),
    ...(alarms.has("NOSPACE") ? [] : full).map(
      ({ name, bytes, quotaBytes }) =>
        `${name}: etcd's database has ${(bytes / 2 ** 30).toFixed(1)} of the ${quotaBytes / 2 ** 30} GiB that it may grow to; beyond them etcd refuses every write. ${orMake} space, as docs/day-two.md describes.`,
    ),
  ];
}

/** The etcd in a line. */
export function describeEtcd(scene: EtcdScene): string {
  const told = scene.hosts.flatMap(({ name, facts }) => (facts?.etcd === undefined ? [] : [{ name, ...facts.etcd }]));
  const [first] = told;
  if (first === undefined) return "unknown";
  const { members, healthy } = etcdQuorum(scene);
  const leader = told.find(({ isLeader }) => isLeader)?.name ?? "unknown";
  const bytes = Math.max(...told.map((each) => each.bytes));
  return `etcd ${first.version}: ${healthy.length} of ${members} members healthy, leader ${leader}, ${(bytes / 2 ** 20).toFixed(1)} MiB of ${first.quotaBytes / 2 ** 20} MiB`;
}
