import * as pulumi from "@pulumi/pulumi";
import { type HostCheckPart, type HostRole, roleWords, runsEtcd } from "./hostCheckPart.ts";
import { type OwnStack, ownerName } from "./ownStack.ts";
import { hostScripts } from "./scripts.ts";

/** The path of the mark on a host. Its script knows it as well. */
const markPath = "/var/lib/k3s-ha/owner";

/** Programs that may hold the ports which a role listens on: "PORT PROGRAM…". */
function ownPorts(role: HostRole, stack: OwnStack): string[] {
  switch (role) {
    case "loadBalancer":
      return (stack.balancerPorts ?? [6443, 8404]).map((port) => `${port} haproxy`);
    case "datastore":
      if (stack.etcdPorts !== undefined) return stack.etcdPorts.map((port) => `${port} etcd`);
      return stack.databaseEngine === "postgres"
        ? [`${stack.databasePort ?? 5432} postgres`]
        : [`${stack.databasePort ?? 3306} mariadbd mysqld systemd`];
    case "server":
    case "agent":
      return ["10250 k3s k3s-server k3s-agent"];
    case "backup":
      return [];
  }
}

const adoptHint = (what: string) =>
  `To have ${what}, set "adopt: true" in the host's entry (docs/day-two.md); to keep it, use another host.`;

const isOf = (owner: string, role: string, name: string) =>
  `belongs to the stack ${owner}: it is its ${role in roleWords ? roleWords[role as HostRole] : role} ${name}`;

const release = `release the host with this command there: rm ${markPath}`;

/** Whether a host belongs to this stack or to none, and has no file of others that would be replaced. */
export const hostOwnership: HostCheckPart = {
  script: hostScripts.hostOwnership,
  checks: [
    "check_owner",
    "check_load_balancer",
    "check_database",
    "check_etcd",
    "check_kubernetes",
    "check_held_ports",
  ],
  variables: ({ host: { adopt = false }, role, stack = {} }) => ({
    owner_name: stack.owner ?? ownerName(),
    cluster_id: stack.clusterId ?? "",
    server_addresses: pulumi.output([...(stack.serverAddresses ?? [])]),
    adopt: String(adopt),
    database_engine: stack.databaseEngine ?? "mariadb",
    schema: stack.schema ?? "k3s",
    runs_etcd: String(runsEtcd(role, stack)),
    shares_address: String(stack.sharesAddress ?? false),
    writes_registries: String(stack.writesRegistries ?? false),
    own_ports: ownPorts(role, stack),
  }),
  sentences: {
    owner: (_, owner = "?", role = "?", name = "?") =>
      `${isOf(owner, role, name)}. Use another host, or remove it from that stack (destroy does, too) and run up again. If that stack no longer exists, ${release}`,
    "owner-cluster": (_, owner = "?", role = "?", name = "?") =>
      `${isOf(owner, role, name)}, but of an earlier cluster, which this stack's state does not know. Restore that state; or, if that cluster no longer exists, ${release}`,
    "owner-unmarked": (_, owner = "?") =>
      `is a node of the cluster of the stack ${owner}. Use another host, or remove it from that stack and run up again.`,
    "other-servers": (_, addresses = "?") =>
      `serves the servers of another cluster (${addresses}), but none of this cluster. Use another host; or, if that cluster no longer exists, remove /etc/k3s-ha/datastore-clients and /etc/haproxy/haproxy.cfg there, and run up again.`,
    "foreign-file": (_, path = "?") =>
      `has a ${path} that neither this program nor a package installed, and that would be replaced. ${adoptHint("it replaced, with a copy that is put back when the host is removed")}`,
    schemas: (_, schemas = "?") =>
      `has a MariaDB with schemas of others (${schemas}), which would get other settings: one address and port, TLS for every client, and a firewall. ${adoptHint("it shared with these settings until the host is removed")}`,
    "postgres-databases": (_, databases = "?") =>
      `has a PostgreSQL with databases of others (${databases}), which would get other settings: one address and port, TLS for every client, and a firewall. It cannot be shared: use another host, or, if they are not needed, drop them there and run up again.`,
    "postgres-clusters": (_, clusters = "?") =>
      `has PostgreSQL clusters of others (${clusters}) beside the one that this program uses. Use another host; or, if they are not needed, remove them there (pg_dropcluster) and run up again.`,
    "foreign-etcd": () =>
      "has an etcd that this program did not install, and that would be stopped (etcd.service). It cannot be adopted. Use another host; or, if it is not needed, stop and disable it there (systemctl disable --now etcd), and run up again.",
    "mysql-packages": (_, packages = "?") =>
      `has the packages ${packages}, which conflict with the packages of MariaDB; this program never removes packages. Use another host for this role; or, if they are not needed, remove them there and run up again.`,
    "k3s-unit": (_, path = "?") =>
      `has a K3s that this program did not install (${path}). A node of another cluster cannot be adopted: that cluster would lose it, and this one does not know its data. Use another host; or drain and delete the node there, run k3s-uninstall.sh (on an agent k3s-agent-uninstall.sh), and run up again.`,
    "k3s-data": (_, path = "?") =>
      `has the data of a K3s that this program did not install (${path}), which cannot be adopted: keys and certificates of one cluster are useless in another. Use another host; or, if they are not needed, run k3s-uninstall.sh there or move /var/lib/rancher/k3s away, and run up again.`,
    kubernetes: (_, unit = "?") =>
      `is a node of another Kubernetes (${unit}), which would lose its network and its pods. It cannot be adopted. Use another host, or uninstall that Kubernetes and run up again.`,
    "held-port": (_, port = "?", holder = "?") =>
      `port ${port} is in use by ${holder}. Stop that program, or choose another port or host.`,
  },
  notes: {
    adopted: (_, path = "?", copy = "?") =>
      `${path} is replaced, because the entry has "adopt: true". A copy is kept in ${copy}, and is put back when the host is removed.`,
    "adopted-schemas": (_, schemas = "?") =>
      `its MariaDB is shared with the schemas ${schemas}, because the entry has "adopt: true". Their clients have to use TLS now; the old settings are put back when the host is removed.`,
  },
};
