import { configPath } from "../configPath.ts";
import type { Problem } from "../problem.ts";
import type { Configuration } from "../schema.ts";

const generated = "this program generates it and keeps it secret: remove it";
const fromDatastore = "this program derives it from k3s-ha:datastore: remove it, and change that";
const fromHost = "this program sets it from the host's entry: remove it, and change the host's name or nodeAddress";
const notEtcd = "the cluster's datastore is external, so there is no etcd of K3s's own: remove it";
const fixedPort =
  "HAProxy and the proofs of readiness rely on K3s's port 6443: remove it; clients use k3s-ha:loadBalancer.port";
const fixedPath = "this program relies on where K3s keeps it by default: remove it";

/** What servers and agents alike may not be told, by the key of K3s's config.yaml, with why and what to do instead. */
const reservedEverywhere: Readonly<Record<string, string>> = {
  token: generated,
  "token-file": generated,
  server: "servers meet in the datastore and agents join through the load balancer: remove it",
  "node-name": fromHost,
  "node-ip": fromHost,
  "with-node-id": "node names are the hosts' names: remove it",
  "data-dir": fixedPath,
  config: fixedPath,
  "vpn-auth": "it is a secret, and this is plain text in config.yaml: use vpn-auth-file with a file on the hosts",
};

const reservedOnServers: Readonly<Record<string, string>> = {
  ...reservedEverywhere,
  "agent-token": generated,
  "agent-token-file": generated,
  "datastore-endpoint": fromDatastore,
  "datastore-cafile": fromDatastore,
  "datastore-certfile": fromDatastore,
  "datastore-keyfile": fromDatastore,
  "tls-san":
    "this program puts the load balancer's addresses and names there: remove it, and add names to k3s-ha:loadBalancer.names",
  "cluster-init": notEtcd,
  "cluster-reset": notEtcd,
  "cluster-reset-restore-path": notEtcd,
  "disable-etcd": notEtcd,
  "disable-apiserver": "every server runs the API behind the load balancer: remove it",
  "secrets-encryption": "it is on from the first start, and K3s cannot change it by this flag later: remove it",
  "https-listen-port": fixedPort,
  "advertise-port": fixedPort,
  "write-kubeconfig": fixedPath,
};

const reservedOnAgents: Readonly<Record<string, string>> = {
  ...reservedEverywhere,
  "node-label": "the pool's labels stand there: use k3s-ha:agentPools.<pool>.labels",
  "node-taint": "the pool's taints stand there: use k3s-ha:agentPools.<pool>.taints",
};

/** More settings of K3s must not fight the ones that this program makes. */
export function reservedK3sSettings({ k3s }: Configuration): Problem[] {
  if (k3s === undefined) return [];
  return [
    ...reservedIn("serverConfig", k3s.serverConfig, reservedOnServers),
    ...reservedIn("agentConfig", k3s.agentConfig, reservedOnAgents),
  ];
}

function reservedIn(
  section: string,
  config: Readonly<Record<string, unknown>>,
  reserved: Readonly<Record<string, string>>,
): Problem[] {
  return Object.keys(config).flatMap((key) => {
    // "key+" adds to a list that another file of K3s's configuration began.
    const plain = key.replace(/\+$/, "");
    const reason = Object.hasOwn(reserved, plain) ? reserved[plain] : etcdReason(plain);
    const fault = reason === undefined ? undefined : `cannot be set here, because ${reason}`;
    return fault === undefined ? [] : [{ path: configPath("k3s", section, key), fault }];
  });
}

function etcdReason(key: string): string | undefined {
  return key.startsWith("etcd-") ? notEtcd : undefined;
}

/** K3s ends at once on a key that is none of its flags. */
export function invalidK3sKeys({ k3s }: Configuration): Problem[] {
  if (k3s === undefined) return [];
  return (["serverConfig", "agentConfig"] as const).flatMap((section) =>
    Object.keys(k3s[section])
      .filter((key) => !/^[a-z][a-z0-9-]*\+?$/.test(key))
      .map((key) => ({
        path: configPath("k3s", section, key),
        fault: `is not a setting of K3s: write the name of a flag of "k3s ${section === "serverConfig" ? "server" : "agent"}" without its dashes, such as ${section === "serverConfig" ? "disable" : "kubelet-arg"}`,
      })),
  );
}
