import { ageRecipient, hostKey, type StackConfig } from "../stack.ts";
import { refuses, without } from "./refusal.ts";

type Settings = Readonly<Record<string, unknown>>;

const host = (last: number, settings: Settings = {}) => ({ address: `198.51.100.${last}`, hostKey, ...settings });

/** Hosts etcd-1, etcd-2 and so on. */
const hosts = (...each: Settings[]) =>
  Object.fromEntries(each.map((settings, index) => [`etcd-${index + 1}`, host(21 + index, settings)]));

/** The small stack on an etcd. */
const etcd = (settings: Settings): StackConfig => ({
  ...without("backup"),
  datastore: { managed: { engine: "etcd", ...settings } },
});

refuses("an etcd that is installed", [
  {
    name: "an engine that is not installed",
    config: etcd({ engine: "mysql", hosts: hosts({}) }),
    problems: [
      'k3s-ha:datastore.managed.engine is "mysql", but has to be mariadb, postgres or etcd: write the engine that this program installs.',
    ],
  },
  {
    name: "no hosts",
    config: etcd({}),
    problems: [
      "k3s-ha:datastore.managed.hosts is missing, but etcd needs hosts: write one, three or five like {etcd-1: {address: 203.0.113.21}}.",
    ],
  },
  {
    name: "two members",
    config: etcd({ hosts: hosts({}, {}) }),
    problems: [
      "k3s-ha:datastore.managed.hosts has 2 members, of which no more may be lost than of 1, while there is one more to lose: write one, three or five.",
    ],
  },
  {
    name: "four members",
    config: etcd({ hosts: hosts({}, {}, {}, {}) }),
    problems: [
      "k3s-ha:datastore.managed.hosts has 4 members, of which no more may be lost than of 3, while there is one more to lose: write one, three or five.",
    ],
  },
  {
    name: "seven members",
    config: etcd({ hosts: hosts({}, {}, {}, {}, {}, {}, {}) }),
    problems: [
      "k3s-ha:datastore.managed.hosts has 7 members, but every write waits for a majority of them: write three, of which one may be lost, or five, of which two may be lost.",
    ],
  },
  {
    name: "two lost members of three",
    config: etcd({ hosts: hosts({}, { lost: true }, { lost: true }) }),
    problems: [
      "k3s-ha:datastore.managed.hosts has 3 members of which 2 are lost, and etcd without its majority answers nobody: restore a backup on hosts of new names, as docs/day-two.md describes.",
    ],
  },
  {
    name: "settings of database servers",
    config: etcd({ hosts: hosts({}), name: "db-1", database: "k3s", bufferPoolMebibytes: 256 }),
    problems: ["name", "database", "bufferPoolMebibytes"].map(
      (name) =>
        `k3s-ha:datastore.managed.${name} is set, but an etcd does not have it: remove it, or set engine to mariadb or postgres.`,
    ),
  },
  {
    name: "settings of etcd for MariaDB",
    config: etcd({
      engine: "mariadb",
      name: "db-1",
      host: host(20),
      hosts: hosts({}),
      peerPort: 2380,
      quotaGibibytes: 4,
    }),
    problems: ["hosts", "peerPort", "quotaGibibytes"].map(
      (name) => `k3s-ha:datastore.managed.${name} is set, but only etcd has it: remove it, or set engine to etcd.`,
    ),
  },
  {
    name: "one port for both",
    config: etcd({ hosts: hosts({}), port: 2380 }),
    problems: [
      "k3s-ha:datastore.managed.port is 2380, as is the port that etcd's members reach each other on: choose another port.",
    ],
  },
  {
    name: "a port of sshd",
    config: etcd({ hosts: hosts({ port: 2380 }) }),
    problems: [
      "k3s-ha:datastore.managed.peerPort is 2380, but sshd listens on that port of k3s-ha:datastore.managed.hosts.etcd-1: choose another port.",
    ],
  },
  {
    name: "backups by a host that is no member",
    config: { ...etcd({ hosts: hosts({}) }), backup: { host: "server-1", recipients: [ageRecipient] } },
    problems: [
      'k3s-ha:backup.host is "server-1", but a member of etcd takes its backups: write one of etcd-1, and copy the backups elsewhere with backup.copy.',
    ],
  },
  {
    name: "a quota that etcd does not take",
    config: etcd({ hosts: hosts({}), quotaGibibytes: 16 }),
    problems: [
      "k3s-ha:datastore.managed.quotaGibibytes is 16, but has to be a whole number from 1 to 8: write the GiB that etcd's database may grow to.",
    ],
  },
]);
