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
      'k3s-ha:datastore.embedded.engine is "mysql", but has to be sqlite: write the engine that K3s keeps its state in.',
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
