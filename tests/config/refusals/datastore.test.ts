import { host, managed, refuses } from "./refusal.ts";
import { smallStack } from "../stack.ts";
import { damagedCa, exampleCa, exampleCaEnd } from "../exampleCa.ts";

/** Whose password must not be in any message. */
const login = "mysql://k3s:hunter2@";

type Settings = Readonly<Record<string, unknown>>;

const existing = (settings: Settings = {}) => ({
  engine: "mysql",
  address: "db.example.com",
  adminUser: "admin",
  caFile: "ca.pem",
  ...settings,
});

/** The small stack on an existing database server, with its administrator's password. */
const withExisting = (settings: Settings = {}) => ({
  ...smallStack,
  datastore: { existing: existing(settings) },
  datastoreAdminPassword: "hunter2",
});

/** The small stack on an endpoint. Not of every kind are backups taken, so there is no section of them. */
const given = (endpoint: Settings, datastoreEndpoint: string) => ({
  ...smallStack,
  backup: undefined,
  datastore: { endpoint },
  datastoreEndpoint,
});

refuses("the datastore", [
  {
    name: "a datastore's port out of range",
    config: managed({ port: 70000 }),
    problems: [
      "k3s-ha:datastore.managed.port is 70000, but has to be a whole number from 1 to 65535: write the port that the datastore listens on.",
    ],
  },
  {
    name: "the port of sshd",
    config: managed({ port: 22 }),
    problems: [
      "k3s-ha:datastore.managed.port is 22, but sshd listens on that port of k3s-ha:datastore.managed.host: choose another port.",
    ],
  },
  {
    name: "an engine that this program does not install",
    config: managed({ engine: "oracle" }),
    problems: [
      'k3s-ha:datastore.managed.engine is "oracle", but has to be mariadb, postgres or etcd: write the engine that this program installs.',
    ],
  },
  {
    name: "the port of sshd for a PostgreSQL",
    config: { ...managed({ engine: "postgres", host: host("198.51.100.20", { port: 5432 }) }) },
    problems: [
      "k3s-ha:datastore.managed.port is 5432, but sshd listens on that port of k3s-ha:datastore.managed.host: choose another port.",
    ],
  },
  {
    name: "MariaDB's cache for a PostgreSQL",
    config: { ...managed({ engine: "postgres", bufferPoolMebibytes: 256 }) },
    problems: [
      "k3s-ha:datastore.managed.bufferPoolMebibytes is a setting of MariaDB, but the engine is postgres, whose cache follows the host's memory: remove it.",
    ],
  },
  {
    name: "a database of PostgreSQL's own",
    config: { ...managed({ engine: "postgres", database: "template1" }), backup: undefined },
    problems: [
      'k3s-ha:datastore.managed.database is "template1", but has to be another database than PostgreSQL\'s own: write a name such as k3s.',
    ],
  },
  {
    name: "a database's name that PostgreSQL would cut off",
    config: { ...managed({ engine: "postgres", database: "k".repeat(64) }) },
    problems: [
      "k3s-ha:datastore.managed.database has 64 characters, but a name in PostgreSQL has at most 63: write a shorter one such as k3s.",
    ],
  },
  {
    name: "a database's name with a dash",
    config: managed({ database: "k3s-prod" }),
    problems: [
      'k3s-ha:datastore.managed.database is "k3s-prod", but has to be 1 to 64 of the characters a to z, 0 to 9 and "_": write a schema\'s name such as k3s.',
    ],
  },
  {
    name: "a database of MariaDB's own",
    config: managed({ database: "mysql" }),
    problems: [
      'k3s-ha:datastore.managed.database is "mysql", but has to be another schema than MariaDB\'s own: write a name such as k3s.',
    ],
  },
  {
    name: "a firewall that is neither on nor off",
    config: managed({ firewall: "no" }),
    problems: [
      'k3s-ha:datastore.managed.firewall is "no", but has to be true or false: write false only if your own firewall closes the port.',
    ],
  },
  {
    name: "too few connections for a server to work with",
    config: { ...smallStack, datastore: { ...(smallStack["datastore"] as object), connectionsPerServer: 9 } },
    problems: [
      "k3s-ha:datastore.connectionsPerServer is 9, but has to be a whole number from 10 to 1000: write the number of connections that each K3s server may open.",
    ],
  },
  {
    name: "leaked credentials without new ones to change to",
    config: managed({ credentialsLeaked: "2026-11-24" }),
    problems: [
      'k3s-ha:datastore.managed.credentialsLeaked is "2026-11-24", but without k3s-ha:datastore.managed.credentialRotation there are no new users to change to: set both to one new value.',
    ],
  },
  {
    name: "a leak of the credentials before an earlier rotation",
    config: managed({ credentialsLeaked: "2026-10", credentialRotation: "2026-11" }),
    problems: [
      'k3s-ha:datastore.managed.credentialsLeaked is "2026-10", but k3s-ha:datastore.managed.credentialRotation is "2026-11": if the users of before that rotation leaked, write its value here; otherwise remove it.',
    ],
  },
  {
    name: "a rotation of the credentials of a PostgreSQL",
    config: managed({ engine: "postgres", credentialRotation: "2026-11" }),
    problems: [
      "k3s-ha:datastore.managed.credentialRotation is set, but only the users of a MariaDB are rotated: remove it, or set engine to mariadb.",
    ],
  },
  {
    name: "a rotation of a user whose name has no room for it",
    config: {
      ...withExisting({ user: "a_cluster_in_house", credentialRotation: "2026-11", caFile: exampleCa }),
      backup: { host: "server-1" },
    },
    problems: [
      'k3s-ha:datastore.existing.user is "a_cluster_in_house", but a rotation adds characters to a user\'s name, and MySQL takes 32: choose one of at most 16 characters.',
    ],
  },
  {
    name: "a datastore to move from that is none",
    config: { ...smallStack, datastore: { ...(smallStack["datastore"] as object), movingFrom: "db-1" } },
    problems: [
      'k3s-ha:datastore.movingFrom is "db-1", but has to be a datastore: write it as in the refusal, such as 198.51.100.20:3306/k3s, or sqlite.',
    ],
  },
  {
    name: "a move from SQLite that stays there",
    config: {
      ...smallStack,
      servers: { "server-1": host("198.51.100.11") },
      datastore: { embedded: { engine: "sqlite" }, movingFrom: "sqlite" },
    },
    problems: [
      "k3s-ha:datastore.movingFrom is sqlite, but k3s-ha:datastore.embedded still keeps the cluster there: write k3s-ha:datastore.managed in its place, or remove this.",
    ],
  },
  {
    name: "a move from SQLite to a PostgreSQL",
    config: {
      ...smallStack,
      datastore: { managed: { name: "db-1", host: host("198.51.100.20"), engine: "postgres" }, movingFrom: "sqlite" },
    },
    problems: [
      "k3s-ha:datastore.movingFrom is sqlite, but only a MariaDB that this program installs takes a cluster over from SQLite: write k3s-ha:datastore.managed with a host, like {name: db-1, host: {address: 203.0.113.20}}.",
    ],
  },
  {
    name: "a managed datastore and an endpoint",
    config: { ...smallStack, datastoreEndpoint: login + "tcp(db.example.com:3306)/k3s" },
    problems: [
      "k3s-ha:datastoreEndpoint contradicts k3s-ha:datastore.managed, which also names a datastore: remove one of them.",
    ],
  },
  {
    name: "two datastores",
    config: {
      ...smallStack,
      datastore: { ...(smallStack["datastore"] as object), existing: existing() },
      datastoreAdminPassword: "hunter2",
    },
    problems: ["k3s-ha:datastore has managed and existing, but a cluster has one datastore: keep one of them."],
  },
  {
    name: "an endpoint without a way to verify it",
    config: { ...smallStack, datastore: {}, datastoreEndpoint: login + "tcp(db.example.com:3306)/k3s" },
    problems: [
      "k3s-ha:datastore.endpoint.caFile is missing, but the datastore in k3s-ha:datastoreEndpoint has to be verified: name the file with the CA that signed its certificate.",
    ],
  },
  {
    name: "verification of an endpoint that is missing",
    config: { ...smallStack, datastore: { endpoint: { caFile: "ca.pem" } } },
    problems: [
      'k3s-ha:datastoreEndpoint is missing, but k3s-ha:datastore.endpoint has certificates for the datastore that it names: set it with "pulumi config set --secret k3s-ha:datastoreEndpoint".',
    ],
  },
  {
    name: "an endpoint in plain text",
    config: { ...smallStack, datastore: {}, datastoreEndpoint: "hunter2" },
    machine: { secretKeys: [] },
    problems: [
      "k3s-ha:datastore.endpoint.caFile is missing, but the datastore in k3s-ha:datastoreEndpoint has to be verified: name the file with the CA that signed its certificate.",
      'k3s-ha:datastoreEndpoint is a secret in plain text in the stack\'s file: set it with "pulumi config set --secret k3s-ha:datastoreEndpoint", and replace the secret, because it was exposed.',
      "k3s-ha:datastoreEndpoint has to be the endpoint of a datastore: write it like mysql://user:password@tcp(host:3306)/schema, postgres://user:password@host:5432/database or https://host:2379.",
    ],
  },
  {
    name: "an existing database without its administrator's password",
    config: { ...smallStack, datastore: { existing: existing() } },
    problems: [
      'k3s-ha:datastoreAdminPassword is missing, but k3s-ha:datastore.existing.adminUser logs in with it: set it with "pulumi config set --secret k3s-ha:datastoreAdminPassword".',
    ],
  },
  {
    name: "an administrator's password with a line's end",
    config: { ...smallStack, datastore: { existing: existing() }, datastoreAdminPassword: "hunter2\n" },
    problems: [
      "k3s-ha:datastoreAdminPassword contains a control character, perhaps the line break at the end of a file: set it again without it.",
    ],
  },
  {
    name: "an administrator's password without a database that it is of",
    config: { ...smallStack, datastoreAdminPassword: "hunter2" },
    problems: [
      "k3s-ha:datastoreAdminPassword has no effect without k3s-ha:datastore.existing, which names its user: remove it.",
    ],
  },
  {
    name: "an existing database without a CA, a host for backups, and of a kind that there is not",
    config: withExisting({ engine: "oracle" }),
    problems: [
      'k3s-ha:datastore.existing.engine is "oracle", but has to be mysql or mariadb: write the engine of the database server.',
    ],
  },
  {
    name: "an existing database whose CA is nowhere, without a host for backups",
    config: withExisting(),
    problems: [
      'k3s-ha:datastore.existing.caFile is "ca.pem" (/nowhere/ca.pem), a file that does not exist: create it or correct the path.',
      "k3s-ha:backup.host is missing, but only a managed datastore has its own host for backups: name a host of this stack that reaches the datastore, such as a server.",
    ],
  },
  {
    name: "an existing MariaDB that no host makes the users of",
    config: { ...withExisting({ engine: "mariadb", caFile: exampleCa }), backup: { host: "server-1" } },
    problems: [
      "k3s-ha:datastore.existing.via is missing, but a host that reaches MariaDB has to create its users: name one of this stack's hosts, such as a server.",
    ],
  },
  {
    name: "a host for a MariaDB's users that there is not",
    config: { ...withExisting({ engine: "mariadb", via: "jump", caFile: exampleCa }), backup: { host: "server-1" } },
    problems: [
      'k3s-ha:datastore.existing.via is "jump", but no host has that name: name one of this stack\'s hosts, such as a server.',
    ],
  },
  {
    name: "a host for a MySQL's schema and users that there is not",
    config: { ...withExisting({ via: "jump", caFile: exampleCa }), backup: { host: "server-1" } },
    problems: [
      'k3s-ha:datastore.existing.via is "jump", but no host has that name: name one of this stack\'s hosts, such as a server.',
    ],
  },
  {
    name: "a place to log in from that is none",
    config: { ...withExisting({ loginFrom: ["10.0.0.1'"], caFile: exampleCa }), backup: { host: "server-1" } },
    problems: [
      `k3s-ha:datastore.existing.loginFrom[0] is "10.0.0.1'", but has to be an address that the database server sees, or a pattern of such addresses: write it like 203.0.113.11 or "203.0.113.%".`,
    ],
  },
  {
    name: "a file that is no CA",
    config: { ...withExisting({ caFile: "/dev/null" }), backup: { host: "server-1" } },
    problems: [
      'k3s-ha:datastore.existing.caFile is "/dev/null", a file without a certificate: name the file with the PEM text that starts with -----BEGIN CERTIFICATE-----.',
    ],
  },
  {
    name: "a CA that has expired",
    config: { ...withExisting({ caFile: exampleCa }), backup: { host: "server-1" } },
    machine: { now: new Date("2126-11-23T12:00:00Z") },
    problems: [
      `k3s-ha:datastore.existing.caFile is ${JSON.stringify(exampleCa)}, a file with a certificate that expired on ${exampleCaEnd}: name the certificate that is in use.`,
    ],
  },
  {
    name: "a CA that is damaged",
    config: { ...withExisting({ caFile: damagedCa }), backup: { host: "server-1" } },
    problems: [
      `k3s-ha:datastore.existing.caFile is ${JSON.stringify(damagedCa)}, a file with a damaged certificate: copy it again.`,
    ],
  },
  {
    name: "a client's key without its certificate",
    config: given({ caFile: exampleCa, keyFile: exampleCa }, "https://etcd-1:2379"),
    problems: [
      "k3s-ha:datastore.endpoint.certFile is missing, but k3s-ha:datastore.endpoint.keyFile is useless without it: name the other file too.",
      `k3s-ha:datastore.endpoint.keyFile is ${JSON.stringify(exampleCa)}, a file without a usable private key: name one with a PEM key without a passphrase.`,
    ],
  },
  {
    name: "three datastores",
    config: {
      ...smallStack,
      datastore: { ...(smallStack["datastore"] as object), existing: existing(), endpoint: { caFile: exampleCa } },
      datastoreAdminPassword: "hunter2",
      datastoreEndpoint: "https://etcd-1:2379",
    },
    problems: [
      "k3s-ha:datastore has managed, existing and endpoint, but a cluster has one datastore: keep one of them.",
      "k3s-ha:datastoreEndpoint contradicts k3s-ha:datastore.managed, which also names a datastore: remove one of them.",
    ],
  },
  {
    name: "no datastore",
    config: { ...smallStack, datastore: {} },
    problems: [
      "k3s-ha:datastore names no datastore, but the cluster needs one: add managed with a host for MariaDB or PostgreSQL, like {name: db-1, host: {address: 203.0.113.20}}, existing with a MySQL or MariaDB server, endpoint, or embedded for a single server: {engine: sqlite}.",
    ],
  },
  {
    name: "backups of a PostgreSQL that requires a client certificate",
    config: {
      ...given(
        { caFile: exampleCa, certFile: exampleCa, keyFile: exampleCa },
        "postgres://k3s:hunter2@db.example.com/k3s",
      ),
      backup: { host: "server-1" },
    },
    problems: [
      `k3s-ha:datastore.endpoint.keyFile is ${JSON.stringify(exampleCa)}, a file without a usable private key: name one with a PEM key without a passphrase.`,
      "k3s-ha:backup is set, but this program takes no backups of an etcd that it did not install, or of database servers that require a client certificate: remove it, and back the datastore up by its own means, as docs/backups.md describes.",
    ],
  },
  {
    name: "backups of an etcd",
    config: { ...given({ caFile: exampleCa }, "https://etcd-1:2379"), backup: { host: "server-1" } },
    problems: [
      "k3s-ha:backup is set, but this program takes no backups of an etcd that it did not install, or of database servers that require a client certificate: remove it, and back the datastore up by its own means, as docs/backups.md describes.",
    ],
  },
  {
    name: "a given MySQL without a host for backups",
    config: given({ caFile: exampleCa }, login + "tcp(db.example.com:3306)/k3s"),
    problems: [
      "k3s-ha:backup.host is missing, but only a managed datastore has its own host for backups: name a host of this stack that reaches the datastore, such as a server.",
    ],
  },
  {
    name: "a client certificate without its key",
    config: given({ caFile: exampleCa, certFile: exampleCa }, login + "tcp(db.example.com:3306)/k3s"),
    problems: [
      "k3s-ha:datastore.endpoint.keyFile is missing, but k3s-ha:datastore.endpoint.certFile is useless without it: name the other file too.",
    ],
  },
  {
    name: "a client's key that is none",
    config: given(
      { caFile: exampleCa, certFile: exampleCa, keyFile: exampleCa },
      "postgres://k3s:hunter2@db.example.com/k3s",
    ),
    problems: [
      `k3s-ha:datastore.endpoint.keyFile is ${JSON.stringify(exampleCa)}, a file without a usable private key: name one with a PEM key without a passphrase.`,
    ],
  },
  {
    name: "backups of a PostgreSQL without a host that takes them",
    config: {
      ...given({ caFile: exampleCa }, "postgres://k3s:hunter2@db.example.com/k3s"),
      backup: { keep: 5 },
    },
    problems: [
      "k3s-ha:backup.host is missing, but only a managed datastore has its own host for backups: name a host of this stack that reaches the datastore, such as a server.",
    ],
  },
]);
