import { managed, refuses } from "./refusal.ts";
import { smallStack } from "../stack.ts";

/** Whose password must not be in any message. */
const login = "mysql://k3s:hunter2@";

/** A stack on a database that is there. */
function existing(changes: object): typeof smallStack {
  const given = { address: "db.example.com", adminUser: "admin", caFile: "no-such-file.crt", ...changes };
  return { ...smallStack, datastore: { existing: given } };
}

refuses("the datastore", [
  {
    name: "a datastore's port out of range",
    config: managed({ port: 70000 }),
    problems: [
      "k3s-ha:datastore.managed.port is 70000, but has to be a whole number from 1 to 65535: write the port that MariaDB listens on.",
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
      'k3s-ha:datastore.managed.database is "mysql", but has to be a schema of its own, and this one is MariaDB\'s: write another name such as k3s.',
    ],
  },
  {
    name: "a firewall that is neither on nor off",
    config: managed({ firewall: "no" }),
    problems: [
      'k3s-ha:datastore.managed.firewall is "no", but has to be true or false: write false only if a firewall of your own closes the port.',
    ],
  },
  {
    name: "a datastore to move from that is none",
    config: { ...smallStack, datastore: { ...(smallStack["datastore"] as object), movingFrom: "db-1" } },
    problems: [
      'k3s-ha:datastore.movingFrom is "db-1", but has to be a datastore: write it as the refusal names it, such as 198.51.100.20:3306/k3s.',
    ],
  },
  {
    name: "an existing datastore",
    config: { ...smallStack, datastoreEndpoint: login + "tcp(db.example.com:3306)/k3s" },
    problems: [
      "k3s-ha:datastoreEndpoint contradicts k3s-ha:datastore.managed, which gives a datastore too: remove one of them.",
    ],
  },
  {
    name: "an existing datastore with tls=",
    config: { ...smallStack, datastoreEndpoint: login + "tcp(db.example.com:3306)/k3s?parseTime=true&tls=skip-verify" },
    problems: [
      "k3s-ha:datastoreEndpoint has the parameter tls=, which silently overrides the CA file that the database is verified with: remove it, since TLS is verified without it.",
    ],
  },
  {
    name: "an existing datastore with KINE_SKIP_VERIFY",
    config: { ...smallStack, datastoreEndpoint: login + "tcp(db.example.com:3306)/k3s?KINE_SKIP_VERIFY=true" },
    problems: [
      "k3s-ha:datastoreEndpoint has a parameter KINE…, which is the name of an environment variable that can turn verification off: remove it.",
    ],
  },
  {
    name: "an existing datastore without tcp(…)",
    config: { ...smallStack, datastoreEndpoint: login + "db.example.com/k3s" },
    problems: [
      "k3s-ha:datastoreEndpoint has to have user, password, tcp(…) around the host, and a schema: write it like mysql://user:password@tcp(host:3306)/schema.",
    ],
  },
  {
    name: "an existing datastore without a schema",
    config: { ...smallStack, datastoreEndpoint: login + "tcp(db.example.com:3306)/" },
    problems: [
      "k3s-ha:datastoreEndpoint names no schema, and K3s would create one called kubernetes: write it like mysql://user:password@tcp(host:3306)/schema.",
    ],
  },
  {
    name: "an existing datastore without a password",
    config: { ...smallStack, datastoreEndpoint: "mysql://k3s:@tcp(db.example.com:3306)/k3s" },
    problems: ["k3s-ha:datastoreEndpoint has no password, so whoever reaches the database gets in: give the user one."],
  },
  {
    name: "an existing datastore at an odd address",
    config: { ...smallStack, datastoreEndpoint: login + "tcp(db_1:3306)/k3s" },
    problems: [
      "k3s-ha:datastoreEndpoint has to have an IP address or a DNS name, and a port, in tcp(…): write it like mysql://user:password@tcp(host:3306)/schema.",
    ],
  },
  {
    name: "a PostgreSQL that is not fully verified",
    config: { ...smallStack, datastoreEndpoint: "postgres://k3s:hunter2@db.example.com/k3s?sslmode=require" },
    problems: [
      "k3s-ha:datastoreEndpoint has a sslmode that is weaker than verify-full: remove it, since K3s verifies fully with the CA that is configured.",
    ],
  },
  {
    name: "an endpoint without a scheme",
    config: { ...smallStack, datastoreEndpoint: "hunter2" },
    problems: [
      "k3s-ha:datastoreEndpoint has to be the endpoint of a datastore: write it like mysql://user:password@tcp(host:3306)/schema, postgres://user:password@host:5432/database or https://host:2379.",
    ],
  },
  {
    name: "an endpoint in plain text",
    config: { ...smallStack, datastoreEndpoint: login + "tcp(db.example.com:3306)/k3s" },
    machine: { secretKeys: [] },
    problems: [
      'k3s-ha:datastoreEndpoint stands in plain text in the stack\'s file, but is a secret: set it with "pulumi config set --secret k3s-ha:datastoreEndpoint", and replace the secret, since it has been seen.',
      "k3s-ha:datastoreEndpoint contradicts k3s-ha:datastore.managed, which gives a datastore too: remove one of them.",
    ],
  },
  {
    name: "two datastores",
    config: { ...smallStack, datastore: { ...(smallStack["datastore"] as object), endpoint: { caFile: "ca.crt" } } },
    problems: ["k3s-ha:datastore has managed and endpoint, but a cluster has one datastore: keep one of them."],
  },
  {
    name: "an endpoint that nothing verifies",
    config: { ...smallStack, datastore: {}, datastoreEndpoint: login + "tcp(db.example.com:3306)/k3s" },
    problems: [
      "k3s-ha:datastore.endpoint.caFile is missing, but a datastore that k3s-ha:datastoreEndpoint names has to be verified: name the file with the CA that signed its certificate.",
    ],
  },
  {
    name: "an existing database without its administrator's password",
    config: existing({ engine: "mysql" }),
    problems: [
      'k3s-ha:datastoreAdminPassword is missing, but k3s-ha:datastore.existing.adminUser logs in with it: set it with "pulumi config set --secret k3s-ha:datastoreAdminPassword".',
    ],
  },
  {
    name: "an administrator's password that nothing uses",
    config: { ...smallStack, datastoreAdminPassword: "hunter2" },
    problems: [
      "k3s-ha:datastoreAdminPassword has no use without k3s-ha:datastore.existing, where its user is named: remove it.",
    ],
  },
  {
    name: "an administrator's password with a line's end",
    config: { ...existing({ engine: "mysql" }), datastoreAdminPassword: "hunter2\n" },
    problems: [
      "k3s-ha:datastoreAdminPassword has a control character in it, perhaps the line's end of a file: set it again without.",
    ],
  },
  {
    name: "an existing MariaDB whose users nobody makes",
    config: { ...existing({ engine: "mariadb" }), datastoreAdminPassword: "hunter2" },
    problems: [
      'k3s-ha:datastore.existing.caFile is "no-such-file.crt" (/nowhere/no-such-file.crt), a file that does not exist: create it or correct the path.',
      "k3s-ha:datastore.existing.via is missing, but a MariaDB's users are made by a host that may reach it: name one of this stack's hosts, such as a server.",
    ],
  },
  {
    name: "a MySQL whose users a host would make",
    config: { ...existing({ engine: "mysql", via: "server-1" }), datastoreAdminPassword: "hunter2" },
    problems: [
      'k3s-ha:datastore.existing.caFile is "no-such-file.crt" (/nowhere/no-such-file.crt), a file that does not exist: create it or correct the path.',
      "k3s-ha:datastore.existing.via is set, but only a MariaDB's users are made by a host; MySQL's are made from where Pulumi runs: remove it.",
    ],
  },
  {
    name: "an engine that there is none of",
    config: { ...existing({ engine: "oracle" }), datastoreAdminPassword: "hunter2" },
    problems: [
      'k3s-ha:datastore.existing.engine is "oracle", but has to be mysql or mariadb: write which of the two the server is.',
    ],
  },
]);
