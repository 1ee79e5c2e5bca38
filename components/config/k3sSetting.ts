import type { K3sRole } from "../k3s/k3sUnit.ts";

const generated = "this program generates it and keeps it secret: remove it";
const fromDatastore = "this program derives it from k3s-ha:datastore: remove it, and change that";
const fromHost = "this program sets it from the host's entry: remove it, and change the host's name or nodeAddress";
const notEtcd = "this program decides from k3s-ha:datastore whether K3s runs an etcd, and how: remove it";
const fixedPort =
  "HAProxy and the readiness checks rely on K3s's port 6443: remove it; clients use k3s-ha:loadBalancer.port";
const fixedPath = "this program relies on K3s's default location: remove it";

/** Settings that are refused for servers and agents, by the key of K3s's config.yaml, with the reason and the alternative. */
const reservedEverywhere: Readonly<Record<string, string>> = {
  token: generated,
  "token-file": generated,
  server: "servers share the datastore and agents join through the load balancer: remove it",
  "node-name": fromHost,
  "node-ip": fromHost,
  "with-node-id": "node names are the hosts' names: remove it",
  "data-dir": fixedPath,
  config: fixedPath,
  "private-registry": "this program writes it from k3s-ha:k3s.registries: remove it, and use that",
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
    "this program sets the load balancer's addresses and names there: remove it, and add names to k3s-ha:loadBalancer.names",
  "cluster-init": notEtcd,
  "cluster-reset": notEtcd,
  "cluster-reset-restore-path": notEtcd,
  "disable-etcd": notEtcd,
  "disable-apiserver": "every server runs the API behind the load balancer: remove it",
  "secrets-encryption": "it is on from the first start, and this flag cannot change it later: remove it",
  "https-listen-port": fixedPort,
  "advertise-port": fixedPort,
  "write-kubeconfig": fixedPath,
};

const ofServers = "it is a setting of servers, and agents ignore it: remove it, and use k3s-ha:k3s.serverConfig";

/** Settings that K3s ignores on an agent, although they seem to have an effect. */
const serverSettings = [
  "advertise-address",
  "cluster-cidr",
  "cluster-dns",
  "cluster-domain",
  "default-local-storage-path",
  "disable",
  "disable-cloud-controller",
  "disable-controller-manager",
  "disable-helm-controller",
  "disable-kube-proxy",
  "disable-network-policy",
  "disable-scheduler",
  "egress-selector-mode",
  "embedded-registry",
  "flannel-backend",
  "flannel-external-ip",
  "flannel-ipv6-masq",
  "helm-job-image",
  "kube-apiserver-arg",
  "kube-cloud-controller-manager-arg",
  "kube-controller-manager-arg",
  "kube-scheduler-arg",
  "secrets-encryption",
  "secrets-encryption-provider",
  "service-cidr",
  "service-node-port-range",
  "servicelb-namespace",
  "supervisor-metrics",
  "system-default-registry",
  "tls-san",
  "tls-san-security",
  "write-kubeconfig-mode",
];

const reservedOnAgents: Readonly<Record<string, string>> = {
  ...reservedEverywhere,
  "node-label": "this program sets the pool's labels there: use k3s-ha:agentPools.<pool>.labels",
  "node-taint": "this program sets the pool's taints there: use k3s-ha:agentPools.<pool>.taints",
};

/** Refused settings by role, by the key of K3s's config.yaml, with the reason and the alternative. */
export const reservedSettings = { server: reservedOnServers, agent: reservedOnAgents };

/** Why a key cannot be among the further settings of servers or agents, with the remedy, or undefined. */
export function k3sSettingFault(role: K3sRole, key: string): string | undefined {
  if (!/^[a-z][a-z0-9-]*\+?$/.test(key)) {
    return `is not a setting of K3s: write the name of a flag of "k3s ${role}" without its dashes, such as node-external-ip`;
  }
  // "key+" adds to a list that another file of K3s's configuration began.
  const name = key.replace(/\+$/, "");
  if (role === "agent" && serverSettings.includes(name)) return `cannot be set here, since ${ofServers}`;
  const reason = Object.hasOwn(reservedSettings[role], name) ? reservedSettings[role][name] : etcdReason(name);
  return reason === undefined ? undefined : `cannot be set here, since ${reason}`;
}

/** Settings that tell one host from the others. */
const ofOneHost = ["node-external-ip", "node-internal-dns", "node-external-dns", "advertise-address"];

/** Whether a setting is one host's own, and so is hardly meant for several. */
export function isOfOneHost(key: string): boolean {
  return ofOneHost.includes(key.replace(/\+$/, ""));
}

/** Why a key cannot be in the `config` of the host at this path, with the remedy, or undefined. */
export function hostSettingFault(role: K3sRole, key: string, path: string): string | undefined {
  const name = key.replace(/\+$/, "");
  const ofHost: Readonly<Record<string, string>> = { "node-label": "labels", "node-taint": "taints" };
  if (ofHost[name] !== undefined) return `cannot be set here: remove it, and use ${path}.${ofHost[name]}`;
  const fault = k3sSettingFault(role, key);
  if (fault !== undefined || role === "agent" || name === "advertise-address") return fault;
  return serverSettings.includes(name)
    ? "cannot be set here, since it has to be the same on all servers: remove it, and use k3s-ha:k3s.serverConfig"
    : undefined;
}

function etcdReason(name: string): string | undefined {
  return name.startsWith("etcd-") ? notEtcd : undefined;
}
