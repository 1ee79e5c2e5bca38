import { refuses } from "./refusal.ts";
import { smallStack } from "../stack.ts";

/** Whose password must not be in any message. */
const login = "mysql://k3s:hunter2@";
const postgres = "postgres://k3s:hunter2@db.example.com/k3s";

/** A stack with an endpoint; what is wrong with that is told before its CA is looked for. */
const endpoint = (datastoreEndpoint: string) => ({
  ...smallStack,
  datastore: { endpoint: { caFile: "ca.pem" } },
  datastoreEndpoint,
});

const cases: [name: string, endpoint: string, fault: string][] = [
  [
    "tls=",
    login + "tcp(db.example.com:3306)/k3s?parseTime=true&tls=skip-verify",
    "has the parameter tls=, which silently overrides the CA file: remove it; TLS is verified without it.",
  ],
  [
    "KINE_SKIP_VERIFY",
    login + "tcp(db.example.com:3306)/k3s?KINE_SKIP_VERIFY=true",
    "has a parameter KINE…, the name of an environment variable that can turn verification off: remove it.",
  ],
  [
    "a fallback to plain text",
    login + "tcp(db.example.com:3306)/k3s?allowFallbackToPlaintext=true",
    "has the parameter allowFallbackToPlaintext=, which contradicts the part before the question mark or the verification: remove it.",
  ],
  [
    "no tcp(…)",
    login + "db.example.com/k3s",
    "has to have user, password, tcp(…) around the host, and a schema: write it like mysql://user:password@tcp(host:3306)/schema.",
  ],
  [
    "a slash among the parameters, which would move the end of the address",
    login + "tcp(db.example.com:3306)/k3s?loc=Europe/Berlin",
    "has to have user, password, tcp(…) around the host, and a schema: write it like mysql://user:password@tcp(host:3306)/schema.",
  ],
  [
    "no schema",
    login + "tcp(db.example.com:3306)/",
    "names no schema, and K3s would create one called kubernetes: write it like mysql://user:password@tcp(host:3306)/schema.",
  ],
  [
    "a schema that needs quoting",
    login + "tcp(db.example.com:3306)/team%2Fk3s",
    'names a schema that needs quoting: use letters, digits and "_$-" only, like mysql://user:password@tcp(host:3306)/schema.',
  ],
  [
    "a schema of the database's own",
    login + "tcp(db.example.com:3306)/mysql",
    "names a schema of the database server itself: write another name, like mysql://user:password@tcp(host:3306)/schema.",
  ],
  [
    "no password",
    "mysql://k3s:@tcp(db.example.com:3306)/k3s",
    "has no password, so anyone who reaches the datastore could log in: give the user a password.",
  ],
  [
    "a password with a line's end",
    "mysql://k3s:hunter2\n@tcp(db.example.com:3306)/k3s",
    "has a password with a control character or invalid text, which some programs change: give the user another password.",
  ],
  [
    "a password that is too long",
    `mysql://k3s:${"x".repeat(256)}@tcp(db.example.com:3306)/k3s`,
    "has a password of more than 255 bytes, which MySQL does not support: give the user a shorter password.",
  ],
  [
    "an odd address",
    login + "tcp(db_1:3306)/k3s",
    "has to have an IP address or a DNS name, and a port, in tcp(…): write it like mysql://user:password@tcp(host:3306)/schema.",
  ],
  [
    "a port out of range",
    login + "tcp(db.example.com:70000)/k3s",
    "has to have an IP address or a DNS name, and a port, in tcp(…): write it like mysql://user:password@tcp(host:3306)/schema.",
  ],
  [
    "no scheme",
    "hunter2",
    "has to be the endpoint of a datastore: write it like mysql://user:password@tcp(host:3306)/schema, postgres://user:password@host:5432/database or https://host:2379.",
  ],
  [
    "another kind of datastore",
    "sqlite:///var/lib/k3s.db",
    "is a sqlite datastore, but has to be MySQL, MariaDB, PostgreSQL or etcd: write it like mysql://user:password@tcp(host:3306)/schema, postgres://user:password@host:5432/database or https://host:2379.",
  ],
  [
    "an etcd without TLS",
    "http://etcd-1:2379",
    "is an etcd without TLS, which cannot be verified: write it like https://host-1:2379,https://host-2:2379,https://host-3:2379.",
  ],
  [
    "an etcd without a port",
    "https://etcd-1.example.com",
    "has to be the https URLs of etcd's members with their ports, separated by commas: write it like https://host-1:2379,https://host-2:2379,https://host-3:2379.",
  ],
  [
    "a PostgreSQL password that is not percent-encoded",
    "postgres://k3s:p@ss/w:o?r#d@db.example.com/k3s",
    'has to be a URL with user, password, host and database: write it like postgres://user:password@host:5432/database, and percent-encode every character of user and password except letters, digits and "-._~".',
  ],
  [
    "a PostgreSQL without verification",
    `${postgres}?sslmode=require`,
    "has a sslmode that is weaker than verify-full: remove it; K3s verifies fully with the configured CA.",
  ],
  [
    "a CA of PostgreSQL in the endpoint",
    `${postgres}?sslrootcert=/etc/ssl/ca.pem`,
    "has a parameter ssl…, which contradicts the certificates of k3s-ha:datastore.endpoint: remove it, and name the files there.",
  ],
  [
    "another host among PostgreSQL's parameters",
    `${postgres}?host=db.evil.example`,
    "has the parameter host=, which contradicts the part before the question mark or the verification: remove it.",
  ],
  [
    "KINE_ among PostgreSQL's parameters",
    `${postgres}?KINE_SKIP_VERIFY=true`,
    "has a parameter KINE…, the name of an environment variable that can turn verification off: remove it.",
  ],
  [
    "a PostgreSQL database in capitals",
    "postgres://k3s:hunter2@db.example.com/K3S",
    'names a database that K3s would look for under another name: use lower-case letters, digits and "_$-" only, like postgres://user:password@host:5432/database.',
  ],
  [
    "no PostgreSQL database",
    "postgres://k3s:hunter2@db.example.com/",
    "names no database, and K3s would create one called kubernetes: write it like postgres://user:password@host:5432/database.",
  ],
  [
    "a PostgreSQL password beyond ASCII",
    "postgres://k3s:%E2%91%A0@db.example.com/k3s",
    "has a password with characters outside ASCII, which K3s and PostgreSQL encode differently: give the user a password of letters, digits and punctuation.",
  ],
];

refuses(
  "a datastore's endpoint",
  cases.map(([name, text, fault]) => ({
    name,
    config: endpoint(text),
    problems: [`k3s-ha:datastoreEndpoint ${fault}`],
  })),
);
