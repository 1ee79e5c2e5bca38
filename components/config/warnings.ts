import { isOfOneHost } from "./k3sSetting.ts";
import type { Settings } from "./settings.ts";

/** Warnings about valid but probably unintended settings, one sentence each. */
export function warningsAbout(settings: Settings): string[] {
  return [
    ...singleServer(settings),
    ...evenMembers(settings),
    ...rsaHostKeys(settings),
    ...sharedHostSettings(settings),
    ...awaitedNetwork(settings),
    ...unencryptedBackups(settings),
    ...noBackups(settings),
    ...loginsFromAnywhere(settings),
  ];
}

function singleServer({ servers, datastore }: Settings): string[] {
  if (Object.keys(servers).length > 1) return [];
  if (datastore.embedded?.engine === "sqlite")
    return [
      "k3s-ha:datastore.embedded is SQLite, so the cluster has a single server and is not highly available: without it the Kubernetes API is down, and with its disk the cluster's state is lost since the last backup. Set k3s-ha:backup.copy, and choose another datastore for more servers.",
    ];
  return [
    "k3s-ha:servers has a single server, so the cluster is not highly available: without it the Kubernetes API is down. Add a second server, or a third.",
  ];
}

/** A majority of four is three, as it is of five. */
function evenMembers({ servers, datastore }: Settings): string[] {
  const count = Object.keys(servers).length;
  if (datastore.embedded?.engine !== "etcd" || count % 2 === 1) return [];
  return [
    `k3s-ha:servers has ${count} servers, which are the members of etcd: no more of them may be lost than of ${count - 1}, while there is one more to lose. Add a server, or remove one.`,
  ];
}

/** SSH connections ask for the pinned type alone, and ssh-rsa by itself means signatures with SHA-1. */
function rsaHostKeys({ hosts }: Settings): string[] {
  return Object.values(hosts)
    .filter(({ host }) => typeof host.hostKey === "string" && host.hostKey.startsWith("ssh-rsa "))
    .map(
      ({ path }) =>
        `${path} has a host key of type ssh-rsa, which newer versions of sshd may not offer. Use the host's ed25519 key.`,
    );
}

/** Settings that identify a single host, but are set for all hosts of a role. */
function sharedHostSettings({ k3s, hosts }: Settings): string[] {
  return (["server", "agent"] as const).flatMap((role) => {
    const section = `${role}Config` as const;
    const alike = Object.values(hosts).filter((host) => host.role === role);
    const [first] = alike;
    if (first === undefined || alike.length < 2) return [];
    return Object.keys(k3s[section])
      .filter(isOfOneHost)
      .map(
        (key) =>
          `k3s-ha:k3s.${section}.${key} is the same for all ${alike.length} ${role}s, although it is for a single host. Set it in each host's entry, such as ${first.path}.config.${key}.`,
      );
  });
}

/** Nodes are not Ready before a network plugin runs on them. */
function awaitedNetwork({ k3s }: Settings): string[] {
  if (k3s.network === "own" || k3s.serverConfig["flannel-backend"] !== "none") return [];
  return [
    "k3s-ha:k3s.serverConfig.flannel-backend is none, so up waits for nodes that become Ready only when a network plugin of your own runs on them. Set k3s-ha:k3s.network to own: up then does not wait for that.",
  ];
}

/** A dump holds every Secret and the keys of the cluster's CAs. */
function unencryptedBackups({ backup }: Settings): string[] {
  if (backup === undefined || backup.recipients.length > 0) return [];
  const place = backup.copy === undefined ? `on ${backup.hostName}` : `on ${backup.hostName} and in their copies`;
  return [
    `k3s-ha:backup names no recipients, so backups are stored unencrypted ${place}, without the server token that a restore needs. Create a key with age-keygen, and list its public key in k3s-ha:backup.recipients.`,
  ];
}

function noBackups({ backup, datastore }: Settings): string[] {
  if (backup !== undefined) return [];
  const what = { mysql: "a database server that requires a client certificate", postgres: "PostgreSQL", etcd: "etcd" };
  return [
    `k3s-ha:datastoreEndpoint names ${what[datastore.endpoint?.engine ?? "mysql"]}, which this program does not back up. Back it up by its own means, together with the server token.`,
  ];
}

function loginsFromAnywhere({ datastore }: Settings): string[] {
  if (datastore.existing?.loginFrom?.includes("%") !== true) return [];
  return [
    'k3s-ha:datastore.existing.loginFrom has "%", so anyone who reaches the database server and has the password can log in as K3s. List the servers\' addresses or networks.',
  ];
}
