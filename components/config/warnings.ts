import type { Settings } from "./settings.ts";

/** What is allowed but probably not meant, one sentence each. */
export function warningsAbout(settings: Settings): string[] {
  return [
    ...singleServer(settings),
    ...rsaHostKeys(settings),
    ...unencryptedBackups(settings),
    ...noBackups(settings),
    ...loginsFromAnywhere(settings),
  ];
}

function singleServer({ servers }: Settings): string[] {
  if (Object.keys(servers).length > 1) return [];
  return [
    "k3s-ha:servers has a single server, so the cluster is not highly available: without it the Kubernetes API is down; add a second server, or a third.",
  ];
}

/** SSH connections ask for the pinned type alone, and ssh-rsa by itself means signatures with SHA-1. */
function rsaHostKeys({ hosts }: Settings): string[] {
  return Object.values(hosts)
    .filter(({ host }) => typeof host.hostKey === "string" && host.hostKey.startsWith("ssh-rsa "))
    .map(
      ({ path }) =>
        `${path} is known by a key of type ssh-rsa, which newer versions of sshd may refuse to prove themselves with; use the host's ed25519 key.`,
    );
}

/** A dump holds every Secret and the keys of the cluster's CAs. */
function unencryptedBackups({ backup }: Settings): string[] {
  if (backup === undefined || backup.recipients.length > 0) return [];
  const place =
    backup.copy === undefined ? `on ${backup.hostName}` : `on ${backup.hostName} and where they are copied to`;
  return [
    `k3s-ha:backup names no recipients, so backups lie unencrypted ${place}, and without the server token that a restore needs; make a key with age-keygen, and list its public half in k3s-ha:backup.recipients.`,
  ];
}

function noBackups({ backup, datastore }: Settings): string[] {
  if (backup !== undefined) return [];
  const what = { mysql: "a database that wants a client certificate", postgres: "PostgreSQL", etcd: "etcd" };
  return [
    `k3s-ha:datastoreEndpoint is of ${what[datastore.given?.kind ?? "mysql"]}, of which this program takes no backups; back it up by its own means, together with the server token.`,
  ];
}

function loginsFromAnywhere({ datastore }: Settings): string[] {
  if (datastore.existing?.loginFrom?.includes("%") !== true) return [];
  return [
    'k3s-ha:datastore.existing.loginFrom has "%", so whoever reaches the database and has the password may log in as K3s; list the servers\' addresses or networks.',
  ];
}
