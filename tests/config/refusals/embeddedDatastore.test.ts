import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parse, hostKey, problemsOf, smallStack } from "../stack.ts";
import { host, refuses } from "./refusal.ts";

type Settings = Readonly<Record<string, unknown>>;

const oneServer = { "server-1": host("198.51.100.11") };

/** The small stack with one server that keeps the cluster in SQLite. */
const onSqlite = (settings: Settings = {}, others: Settings = {}) => ({
  ...smallStack,
  servers: oneServer,
  datastore: { embedded: { engine: "sqlite", ...settings } },
  ...others,
});

refuses("a datastore inside the servers", [
  {
    name: "an engine that K3s does not run itself",
    config: onSqlite({ engine: "mysql" }),
    problems: [
      'k3s-ha:datastore.embedded.engine is "mysql", but has to be sqlite or etcd: write the engine that K3s keeps its state in.',
    ],
  },
  {
    name: "high availability on SQLite",
    config: { ...onSqlite(), servers: { ...oneServer, "server-2": host("198.51.100.12") } },
    problems: [
      "k3s-ha:servers has 2 servers, server-1 and server-2, but k3s-ha:datastore.embedded.engine is sqlite: a file on the disk of one server, which no other server can use. Keep one server, without high availability, or choose another datastore before the first up: k3s-ha:datastore.managed, existing or endpoint.",
    ],
  },
  {
    name: "SQLite in production",
    config: onSqlite({}, { safety: { production: true } }),
    problems: [
      "k3s-ha:safety.production is true, but k3s-ha:datastore.embedded.engine is sqlite, with which a cluster has a single server, and losing it stops the API: choose another datastore and more servers, or set it to false.",
    ],
  },
  {
    name: "backups of SQLite by another host",
    config: onSqlite({}, { backup: { ...(smallStack["backup"] as Settings), host: "lb-1" } }),
    problems: [
      'k3s-ha:backup.host is "lb-1", but an SQLite database is read on its own host, server-1: remove it, and set k3s-ha:backup.copy, so that backups outlive that host.',
    ],
  },
  {
    name: "two datastores",
    config: {
      ...onSqlite(),
      datastore: {
        ...(smallStack["datastore"] as Settings),
        embedded: { engine: "sqlite" },
      },
    },
    problems: ["k3s-ha:datastore has managed and embedded, but a cluster has one datastore: keep one of them."],
  },
  {
    name: "an endpoint beside SQLite",
    config: onSqlite({}, { datastoreEndpoint: "mysql://k3s:hunter2@tcp(db.example.com:3306)/k3s" }),
    problems: [
      "k3s-ha:datastoreEndpoint contradicts k3s-ha:datastore.embedded, which also names a datastore: remove one of them.",
    ],
  },
  {
    name: "a lost server that had the only copy of the datastore",
    config: { ...onSqlite(), servers: { "server-1": host("198.51.100.11", { lost: true }) } },
    problems: [
      "k3s-ha:servers has only lost servers, and the datastore was on their disks: give a new host the lost one's name, remove its lost: true, and restore the cluster from a copy of a backup, as docs/restore.md describes.",
    ],
  },
]);

const threeServers = { ...oneServer, "server-2": host("198.51.100.12"), "server-3": host("198.51.100.13") };

/** The small stack with these servers, which keep the cluster in K3s's own etcd. */
const onEtcd = (servers: Settings = threeServers, others: Settings = {}) => ({
  ...smallStack,
  servers,
  datastore: { embedded: { engine: "etcd" } },
  ...others,
});

refuses("K3s's own etcd", [
  {
    name: "two members",
    config: onEtcd({ ...oneServer, "server-2": host("198.51.100.12") }),
    problems: [
      "k3s-ha:servers has 2 servers, but etcd needs more than half of its members: the loss of either of two stops the API, more often than with one. Add a third server, or remove one.",
    ],
  },
  {
    name: "the loss of the majority",
    config: onEtcd({
      ...threeServers,
      "server-1": host("198.51.100.11", { lost: true }),
      "server-3": host("198.51.100.13", { lost: true }),
    }),
    problems: [
      "k3s-ha:servers has 3 servers, of which 2 are lost, so etcd has no quorum, and no member can be removed or added: restore the cluster from a backup, as docs/restore.md describes.",
    ],
  },
  {
    name: "backups by a host that is no member",
    config: onEtcd(threeServers, { backup: { ...(smallStack["backup"] as Settings), host: "lb-1" } }),
    problems: [
      'k3s-ha:backup.host is "lb-1", but K3s\'s own etcd is read on one of its servers: name one of server-1, server-2 and server-3, or remove it, and set k3s-ha:backup.copy, so that backups outlive that host.',
    ],
  },
  {
    name: "settings of K3s that decide about its etcd",
    config: onEtcd(threeServers, {
      k3s: { ...(smallStack["k3s"] as Settings), serverConfig: { "cluster-init": true } },
    }),
    problems: [
      "k3s-ha:k3s.serverConfig.cluster-init cannot be set here, since this program decides from k3s-ha:datastore whether K3s runs an etcd, and how: remove it.",
    ],
  },
]);

describe("a stack on K3s's own etcd", () => {
  it("is backed up by its first server that is not lost", () => {
    assert.deepEqual(problemsOf(onEtcd()), []);
    const lost = { ...threeServers, "server-1": host("198.51.100.11", { lost: true }) };
    assert.equal(parse(onEtcd(lost)).settings.backup?.hostName, "server-2");
  });

  it("is warned about a number of members that is even", () => {
    const four = { ...threeServers, "server-4": host("198.51.100.14") };
    assert.deepEqual(parse(onEtcd(four)).warnings, [
      "k3s-ha:servers has 4 servers, which are the members of etcd: no more of them may be lost than of 3, while there is one more to lose. Add a server, or remove one.",
    ]);
  });
});

describe("a stack on SQLite", () => {
  it("is backed up by its server, which no other host could do", () => {
    assert.deepEqual(problemsOf(onSqlite()), []);
    const { settings } = parse(onSqlite());
    assert.equal(settings.backup?.hostName, "server-1");
    assert.deepEqual(settings.datastore.embedded, { engine: "sqlite", startsEmpty: false });
  });

  it("is warned that it is not highly available, with what its owner can do", () => {
    assert.deepEqual(
      parse({ ...onSqlite(), servers: { "server-1": { address: "198.51.100.11", hostKey } } }).warnings,
      [
        "k3s-ha:datastore.embedded is SQLite, so the cluster has a single server and is not highly available: without it the Kubernetes API is down, and with its disk the cluster's state is lost since the last backup. Set k3s-ha:backup.copy, and choose another datastore for more servers.",
      ],
    );
  });
});
