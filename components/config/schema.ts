import { z } from "zod";
import { isIP } from "node:net";
import { ageRecipientFault } from "./ageRecipient.ts";
import { isAddress, isUnicastAddress } from "./address.ts";
import { databaseFault } from "./databaseName.ts";
import { hostKeyFault } from "../host/hostKey.ts";
import { imageSourceFault } from "./imageArchive.ts";
import type { Architecture, Checksum } from "../k3s/k3sRelease.ts";
import type { K3sRole } from "../k3s/k3sUnit.ts";
import { k3sSettingFault } from "./k3sSetting.ts";
import { k3sLabelFault, labelFault, taintFault } from "./kubernetesSyntax.ts";
import { nodeFileSources } from "./nodeFileSources.ts";
import { proxy } from "./proxy.ts";
import { registries } from "./registries.ts";
import { mirrorFault, releaseFault } from "./release.ts";
import { listOf, mapOf, matching, section, text, wholeNumber, yesOrNo } from "./schemaTypes.ts";

const addressExpectation = "has to be an IP address or a DNS name: write it alone, without a user, a port or a scheme";
const userPattern = /^[A-Za-z_][A-Za-z0-9_.-]*$/;
const userExpectation = "has to be a login name: write root, or a user with password-less sudo";
const pathExpectation =
  "has to be the path of a file: write it absolute, from ~/, or relative to the directory of Pulumi.yaml";

const port = (what: string) => wholeNumber(1, 65535, `write the port that ${what}`);
/** A path of a file on the machine that Pulumi runs on. */
export const filePath = matching(/^[^\r\n\0]+$/, pathExpectation);
const user = matching(userPattern, userExpectation);

const address = text(addressExpectation, (value) => (isAddress(value) ? undefined : addressExpectation));
const hostKey = text(
  "has to be the host's public key: copy the host's /etc/ssh/ssh_host_ed25519_key.pub",
  hostKeyFault,
);

/** A host that connections to other hosts go through. */
export const bastion = section({
  address: address.meta({ description: "Address that SSH connects to: an IP address or a DNS name." }),
  user: user.optional().meta({ description: "Login user of the bastion. It needs no sudo. Default: `ssh.user`." }),
  port: port("sshd listens on").default(22).meta({ description: "SSH port of the bastion." }),
  privateKeyFile: filePath
    .optional()
    .meta({ description: "File of the private key to log in to the bastion with. Default: the key of all hosts." }),
  hostKey: hostKey
    .optional()
    .meta({ description: "Public SSH key of the bastion. Default: its entry in `ssh.knownHostsFile`." }),
});

const labels = mapOf(
  z.string({ error: "has to be text: put quotes around it" }),
  '{example.com/tier: "web"}',
).superRefine((value, context) => {
  for (const [key, label] of Object.entries(value)) {
    const message = labelFault(key, label);
    if (message !== undefined) context.addIssue({ code: "custom", path: [key], message });
  }
});
const taints = listOf(text("has to be text: put quotes around it", taintFault), '["dedicated=ingress:NoSchedule"]');

const scalarExpectation =
  "has to be text, a number, true or false, or a list of these: K3s's config.yaml accepts nothing else; write it like the flag of k3s";
const scalar = z.union([z.string(), z.number(), z.boolean()], { error: scalarExpectation });
const settingsLike = (example: string) =>
  mapOf(z.union([scalar, z.array(scalar)], { error: scalarExpectation }), example);

const secondaryExpectation = "has to be an IP address: write the node's address of the other family";

/** One host: how it is reached, and how it is known. */
export const host = section({
  address: address.meta({ description: "Address that SSH connects to: an IP address or a DNS name." }),
  nodeAddress: text("has to be an IP address: write the address for the cluster's own traffic", (value) =>
    isIP(value) === 0 ? "has to be an IP address: write the address for the cluster's own traffic" : undefined,
  )
    .optional()
    .meta({
      description: "IP address for the cluster's own traffic. Default: `address`, if that is an IP address.",
    }),
  secondaryNodeAddress: text(secondaryExpectation, (value) => (isIP(value) === 0 ? secondaryExpectation : undefined))
    .optional()
    .meta({
      description:
        "Address of this node in the other family, IPv4 or IPv6, for a dual-stack cluster. Servers and agents only. Required if `cluster-cidr` and `service-cidr` in `k3s.serverConfig` have networks of both families. Default: none.",
    }),
  user: user.optional().meta({ description: "Login user of this host. Default: `ssh.user`." }),
  port: port("sshd listens on").optional().meta({ description: "SSH port of this host. Default: `ssh.port`." }),
  privateKeyFile: filePath
    .optional()
    .meta({ description: "File of the private key to log in to this host with. Default: the key of all hosts." }),
  hostKey: hostKey.optional().meta({
    description:
      "Public SSH key of the host: the line in its `/etc/ssh/ssh_host_ed25519_key.pub`. Default: its entry in `ssh.knownHostsFile`.",
  }),
  bastion: bastion
    .optional()
    .meta({ description: "Host that connections to this one go through. Default: `ssh.bastion`." }),
  adopt: yesOrNo("write true to replace existing configuration of others").default(false).meta({
    description:
      "Permission to replace configuration that others left on the host. Copies are kept, and put back when the host is removed. With `false` such a host is refused. See [day-two.md](day-two.md#a-host-that-others-use).",
  }),
  labels: labels.optional().meta({
    description: "Labels of this node, besides those of its pool. Servers and agents only. Default: none.",
  }),
  taints: taints.optional().meta({
    description:
      "Taints of this node, each `key=value:effect`, besides those of its pool. Servers and agents only. Default: none.",
  }),
  config: settingsLike("{node-external-ip: 203.0.113.11}").optional().meta({
    description:
      "Settings of K3s on this server or agent, as in K3s's config.yaml, such as `node-external-ip`. They replace those of `k3s.serverConfig` or `k3s.agentConfig`; `kubelet-arg` and `kube-proxy-arg` are added to them. Default: none.",
  }),
  lost: yesOrNo("write true only for a host that is lost permanently").default(false).meta({
    description:
      "Declaration that the host is lost. The program no longer connects to it, and removes its node through a living server. See [day-two.md](day-two.md#a-host-is-lost).",
  }),
});

const hostsLike = (example: string) => mapOf(host, example);

const ssh = section({
  user: user
    .default("root")
    .meta({ description: "Login user of every host: root, or a user with password-less sudo." }),
  port: port("sshd listens on").default(22).meta({ description: "SSH port of every host." }),
  privateKeyFile: filePath.optional().meta({
    description:
      "File of the private key to log in with. A key with a passphrase is refused. Default: `sshPrivateKey`; without that, the keys of the SSH agent.",
  }),
  knownHostsFile: filePath.optional().meta({
    description:
      "File of known hosts, in OpenSSH's format, for hosts without a `hostKey`. Default: none; every host then needs a `hostKey`.",
  }),
  bastion: bastion
    .optional()
    .meta({ description: "Host that connections to all other hosts go through. Default: none." }),
  connectSeconds: wholeNumber(1, 600, "write the seconds for one attempt to connect")
    .default(10)
    .meta({ description: "Seconds for one attempt to connect. After five attempts the run fails." }),
  commandSeconds: wholeNumber(60, 86_400, "write the seconds for one step on a host").default(600).meta({
    description:
      "Seconds for one step on a host, such as packages or a download, unless the step has its own limit. The run fails after them.",
  }),
});

const servers = hostsLike("server-1: {address: 203.0.113.11}")
  .superRefine((value, context) => {
    if (Object.keys(value).length > 0) return;
    const message =
      "has no server: add at least one, or three for high availability, like server-1: {address: 203.0.113.11}";
    context.addIssue({ code: "custom", message });
  })
  .meta({
    description:
      "Hosts that run K3s servers, by node name. They start and change one at a time in the order of their names, server-2 before server-10. With one server, the API is down while it restarts.",
  });

const agentPools = mapOf(
  section({
    hosts: hostsLike("agent-1: {address: 203.0.113.41}").meta({ description: "Hosts of the pool, by node name." }),
    labels: labels.default({}).meta({ description: "Labels of every node of the pool." }),
    taints: taints.default([]).meta({ description: "Taints of every node of the pool, each `key=value:effect`." }),
    waveWidth: wholeNumber(1, Infinity, "write how many agents may change at the same time")
      .default(10)
      .meta({ description: "Number of agents that are created or changed at the same time." }),
    drainSeconds: wholeNumber(0, 3600, "write the seconds for draining an agent before K3s restarts on it")
      .default(0)
      .meta({
        description:
          "Seconds for draining an agent before K3s restarts on it. The agent is cordoned meanwhile; pods that remain keep running. With 0 agents are not drained.",
      }),
  }),
  "workers: {hosts: {agent-1: {address: 203.0.113.41}}}",
).meta({ description: "Pools of hosts that run K3s agents, by pool name. May be empty: servers run workloads too." });

const apiName = "has to be a DNS name or an IP address: write it alone, without a port or a scheme";

const sharedAddress =
  "has to be an IP address that the load balancers can share: write a free address of their network";
const ipAddress = (expectation: string) =>
  text(expectation, (value) => (isUnicastAddress(value) ? undefined : expectation));

const virtualIp = section({
  address: ipAddress(sharedAddress).meta({
    description: "IP address that the load balancers share: a free address of their network.",
  }),
  interface: matching(
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,14}$/,
    "has to be the name of a network interface of the load balancers: write it like eth0",
  )
    .optional()
    .meta({
      description:
        "Network interface for the virtual IP. Default: the interface with the load balancer's own node address.",
    }),
  notify: matching(
    /^\/[A-Za-z0-9_./-]+( [A-Za-z0-9_.,:=@+/-]+)*$/,
    "has to be an absolute path of a program on the load balancers, with plain words as arguments: write it like /usr/local/sbin/move-address 203.0.113.35",
  )
    .optional()
    .meta({
      description:
        "Command that a load balancer runs as root when it takes the virtual IP, for networks that do not follow gratuitous ARP, such as a cloud's. Default: none.",
    }),
});

const rotation = (of: string) =>
  matching(
    /^[A-Za-z0-9][A-Za-z0-9-]{0,39}$/,
    'has to consist of letters, digits and "-": write it in quotes, such as "2026-11-24"',
  )
    .optional()
    .meta({ description: `Value to change to rotate ${of}. Any new value works; a date records when. Default: none.` });

const serverName = z.string({ error: "has to be a server's name: write a name in servers, such as server-1" });

const external = section({
  address: address.meta({
    description:
      "IP address or DNS name of a load balancer that this program does not run, such as a cloud's. It passes TCP to port 6443 of the servers.",
  }),
  port: port("the load balancer offers the Kubernetes API on")
    .default(6443)
    .meta({ description: "Port of the Kubernetes API on that load balancer." }),
  checkSeconds: wholeNumber(1, 60, "write the seconds after which its health checks have seen that a server leaves")
    .default(30)
    .meta({
      description:
        "Seconds after which its health checks have seen that a server leaves or is back: their interval times their threshold, plus the limit of one check. A server waits for them before K3s stops, and after it started.",
    }),
});

const loadBalancer = section({
  hosts: hostsLike("lb-1: {address: 203.0.113.30}").default({}).meta({
    description:
      "Hosts that run HAProxy, by name: one, or several that share `virtualIp`. Required without `external`.",
  }),
  onServers: mapOf(serverName, "lb-1: server-1").default({}).meta({
    description:
      "Servers on whose hosts HAProxy runs too: the server's name by the load balancer's name. Requires another `port` than K3s's 6443.",
  }),
  external: external.optional().meta({
    description: "Load balancer that this program does not run, instead of `hosts`.",
  }),
  virtualIp: virtualIp.optional().meta({
    description: "Address that several load balancers share. Required with more than one host.",
  }),
  port: port("the Kubernetes API is offered on")
    .default(6443)
    .meta({ description: "Port of the Kubernetes API on the load balancers." }),
  names: listOf(
    text(apiName, (value) => (isAddress(value) ? undefined : apiName)),
    "[k8s.example.com]",
  )
    .default([])
    .meta({
      description:
        "DNS names or addresses that clients use for the API besides the load balancers' own. The servers' certificates include them.",
    }),
  maxConnections: wholeNumber(1, 1_000_000, "write the number of connections that HAProxy accepts")
    .default(4000)
    .meta({ description: "Connections that HAProxy accepts at the same time. Further connections wait." }),
  idleSeconds: wholeNumber(1, 2_147_483, "write the seconds that a connection may be idle").default(86_400).meta({
    description: "Seconds without traffic after which HAProxy closes a connection, such as an idle exec.",
  }),
  statsAddresses: mapOf(
    ipAddress("has to be an IP address of that host: write the address for its statistics"),
    "{lb-1: 192.0.2.30}",
  )
    .default({})
    .meta({
      description:
        "IP addresses for the statistics page and the Prometheus metrics, by the load balancer's name. There is no password. Load balancers without an entry use 127.0.0.1.",
    }),
  certificateRotation: rotation("the certificate for readiness checks"),
  certificateHours: wholeNumber(1, 876_600, "write the hours that the certificate for readiness checks is valid")
    .default(87_660)
    .meta({
      description: "Hours that the certificate for readiness checks is valid. Any `up` in the second half renews it.",
    }),
  statsPort: port("the statistics page and the metrics are served on")
    .default(8404)
    .meta({ description: "Port of the statistics page and the Prometheus metrics." }),
})
  .superRefine(({ hosts, onServers, external: given }, context) => {
    if (given !== undefined || Object.keys({ ...hosts, ...onServers }).length > 0) return;
    const message =
      "has no host, and k3s-ha:loadBalancer.external is missing: add the host that runs HAProxy, or two for high availability, like lb-1: {address: 203.0.113.30}; or name a load balancer of your own, like external: {address: k8s.example.com}";
    context.addIssue({ code: "custom", path: ["hosts"], message });
  })
  .meta({ description: "Load balancers in front of the servers." });

const ownHostName = z.string({ error: "has to be a name: write the name of the datastore's host, such as db-1" });

/** A datastore that this program installs: MariaDB on one host, or etcd on one or three. */
const managed = section({
  engine: z
    .enum(["mariadb", "postgres", "etcd"], {
      error: "has to be mariadb, postgres or etcd: write the engine that this program installs",
    })
    .default("mariadb")
    .meta({
      description:
        "Engine that this program installs: `mariadb` or `postgres` (PostgreSQL) on one host, or `etcd` on one, three or five.",
    }),
  name: ownHostName.optional().meta({
    description: "Name of the datastore's host. Required, except for etcd, which has `hosts`. Default: none.",
  }),
  host: host.optional().meta({
    description:
      "Host that the datastore is installed on. Required, except with `onServer` and for etcd, which has `hosts`. Default: none.",
  }),
  onServer: serverName.optional().meta({
    description:
      "Name of a server on whose host MariaDB is installed too, instead of `host`. MariaDB only. Default: none.",
  }),
  hosts: hostsLike("etcd-1: {address: 203.0.113.21}")
    .optional()
    .meta({ description: "Hosts of etcd's members by name: one, three or five. etcd requires them. Default: none." }),
  port: port("the datastore listens on").optional().meta({
    description:
      "Port that the datastore listens on. Default: `3306` for MariaDB, `5432` for PostgreSQL, `2379` for etcd.",
  }),
  peerPort: port("etcd's members reach each other on")
    .optional()
    .meta({ description: "Port that etcd's members reach each other on. etcd only. Default: 2380." }),
  quotaGibibytes: wholeNumber(1, 8, "write the GiB that etcd's database may grow to").optional().meta({
    description: "GiB that etcd's database may grow to. Beyond it etcd refuses every write. etcd only. Default: 2.",
  }),
  majorityLost: yesOrNo("write true only once etcd was restored on a member that is left").optional().meta({
    description:
      "Confirmation that etcd lost its majority and was restored on a member that is left, so that all others may be replaced together. etcd only. See [day-two.md](day-two.md#a-member-of-etcd-is-lost). Default: `false`.",
  }),
  database: text("has to be a name: write a schema's name such as k3s", databaseFault).optional().meta({
    description:
      "Schema, or database of PostgreSQL, that K3s keeps the cluster's state in. Not for etcd. Default: `k3s`.",
  }),
  certificateRotation: rotation("the datastore's certificates"),
  credentialRotation: rotation("the users and passwords that K3s and the backups log in with. MariaDB only"),
  credentialsLeaked: rotation("leaked users and passwords").meta({
    description:
      "The value of `credentialRotation`, if the users and passwords of before are known to others. They are then locked at once, which takes the API down until the first server has restarted. MariaDB only. Default: none; they are removed at the end of the run.",
  }),
  bufferPoolMebibytes: wholeNumber(128, 1_048_576, "write the MiB of memory that MariaDB caches tables in")
    .optional()
    .meta({
      description:
        "MiB of memory in which MariaDB caches tables, at most three quarters of the host's memory. Refused with PostgreSQL, whose cache has a quarter of the memory. Default: half of the host's memory beyond 512 MiB, from 128 to 8192; on a server's host 256.",
    }),
  firewall: yesOrNo("write false only if your own firewall closes the port").default(true).meta({
    description:
      "Firewall on the datastore's hosts that opens their ports to the servers and the backup only. With `false` there is none.",
  }),
  startsEmpty: yesOrNo("write true only if you will not restore the lost cluster").default(false).meta({
    description:
      "Permission to start an empty cluster if the datastore's data are gone with its hosts. With `false`, `up` ends before it lets a server in.",
  }),
});

const accountName = 'has to be an account\'s name: write 1 to 25 of the characters a to z, 0 to 9 and "_"';
const loginHost =
  'has to be an address that the database server sees, or a pattern of such addresses: write it like 203.0.113.11 or "203.0.113.%"';

const existing = section({
  engine: z
    .enum(["mysql", "mariadb"], { error: "has to be mysql or mariadb: write the engine of the database server" })
    .meta({
      description: "Engine of the database server: `mysql` (5.7 to 9) or `mariadb` (10.6 or newer).",
    }),
  address: text(addressExpectation, (value) => (isAddress(value) ? undefined : addressExpectation)).meta({
    description:
      "Address of the database server, an IP address or a DNS name. Its certificate has to name exactly this address.",
  }),
  port: port("the server listens on").default(3306).meta({ description: "Port of the database server." }),
  database: text("has to be a name: write a schema's name such as k3s", databaseFault)
    .default("k3s")
    .meta({ description: "Schema that the program creates, and that K3s keeps the cluster's state in." }),
  user: matching(/^[a-z0-9_]{1,25}$/, accountName)
    .default("k3s")
    .meta({
      description: "Name of the user that the program creates for K3s. The user for backups has the suffix `_backup`.",
    }),
  credentialRotation: rotation("the users and passwords that K3s and the backups log in with"),
  loginFrom: listOf(matching(/^[0-9A-Za-z.:%_/-]{1,255}$/, loginHost), '[203.0.113.11, "203.0.113.%"]')
    .optional()
    .meta({
      description:
        "Addresses or patterns that both users may log in from, if the database server sees other addresses than the hosts' own. Default: the servers' addresses for K3s, the address of the host that takes backups for these.",
    }),
  adminUser: matching(
    /^[^\s'"\\`]{1,80}$/,
    "has to be an account's name: write one with the rights to create schemas and users",
  ).meta({
    description: "Account with the rights to create schemas and users. Its password is `datastoreAdminPassword`.",
  }),
  caFile: filePath.meta({ description: "File of the CA, as PEM, that signed the server's certificate." }),
  via: z
    .string({ error: "has to be the name of a host: write one that reaches the database server, such as server-1" })
    .optional()
    .meta({
      description:
        "Name of the host of this stack that creates MariaDB's users, or MySQL's schema and users. Required for MariaDB. For MySQL it has to be set from the first `up` on. Default: none; MySQL's are created from where Pulumi runs.",
    }),
});

const endpoint = section({
  caFile: filePath.meta({ description: "File of the CA, as PEM, that signed the datastore's certificate." }),
  certFile: filePath
    .optional()
    .meta({ description: "File of a client certificate, as PEM, that K3s logs in with. Default: none." }),
  keyFile: filePath
    .optional()
    .meta({ description: "File of the client certificate's private key, as PEM. Default: none." }),
});

const embedded = section({
  engine: z
    .enum(["sqlite", "etcd"], { error: "has to be sqlite or etcd: write the engine that K3s keeps its state in" })
    .meta({
      description:
        "Engine that K3s itself runs: `sqlite`, a file on the disk of the only server, without high availability, or `etcd`, in one, three, five or more servers.",
    }),
  startsEmpty: yesOrNo("write true only if you will not restore the lost cluster").default(false).meta({
    description:
      "Permission to start an empty cluster if the data are gone with their host. With `false`, `up` ends before it starts K3s there.",
  }),
});

const datastore = section({
  managed: managed.optional().meta({ description: "Datastore that this program installs." }),
  existing: existing
    .optional()
    .meta({ description: "Existing MySQL or MariaDB server, on which this program creates schema and users." }),
  endpoint: endpoint.optional().meta({
    description: "Certificates for the datastore in `datastoreEndpoint`, on which this program creates nothing.",
  }),
  embedded: embedded.optional().meta({ description: "Datastore that K3s keeps in its servers." }),
  connectionsPerServer: wholeNumber(10, 1000, "write the number of connections that each K3s server may open")
    .default(60)
    .meta({
      description:
        "Connections to the datastore that each K3s server may open; further requests wait. The datastore has to accept them from all servers. 20 are enough for few servers with little traffic. No effect on etcd and SQLite.",
    }),
  movingFrom: matching(
    /^(sqlite|\S+:\d+\/[^\s/]+)$/,
    "has to be a datastore: write it as in the refusal, such as 198.51.100.20:3306/k3s, or sqlite",
  )
    .optional()
    .meta({
      description:
        "Old datastore. `sqlite` moves the cluster from the SQLite database of its server to a managed MariaDB. `host:port/schema` confirms the change to the configured datastore after you copied the data. Default: none; another datastore is then refused.",
    }),
}).meta({ description: "Datastore of the cluster: exactly one of managed, existing, endpoint and embedded." });

const directoryExpectation =
  'has to be an absolute path of letters, digits, "-", "_", "." and "/", with no part that is empty or begins with ".": write it like /var/backups/k3s-ha';
const directory = matching(/^(\/[A-Za-z0-9_-][A-Za-z0-9._-]*)+$/, directoryExpectation);
const generations = (period: string) => wholeNumber(0, 1000, `write the number of ${period} whose last backup is kept`);
const remoteScalar = z.union([z.string(), z.number(), z.boolean()], {
  error: "has to be text, a number, true or false: write it as rclone.conf has it",
});

const backupCopy = section({
  remote: mapOf(remoteScalar, "{type: sftp, host: 203.0.113.90, user: backup}").meta({
    description: "Settings of an rclone remote, as in rclone.conf, without its secrets. `type` is required.",
  }),
  hostKeys: listOf(
    text("has to be a host's public key: copy the host's /etc/ssh/ssh_host_ecdsa_key.pub", hostKeyFault),
    "[ssh-ed25519 AAAA…]",
  )
    .default([])
    .meta({ description: "Public SSH keys of an SFTP host. List all of its keys, because rclone chooses the type." }),
  path: matching(
    /^[A-Za-z0-9._/-]*[A-Za-z0-9._-]$/,
    'has to be a path of letters, digits, "-", "_", "." and "/": write a directory, or a bucket and a prefix, for this cluster only',
  ).meta({ description: "Directory, or bucket and prefix, for the backups of this cluster only." }),
  prune: yesOrNo("write false only if the store removes old copies itself").default(true).meta({
    description: "Removal of copies that no generation keeps. With `false` the store has to remove them itself.",
  }),
});

const backup = section({
  host: z.string({ error: "has to be a name: write the name of the host that takes the backups" }).optional().meta({
    description:
      "Name of the host of this stack that takes the backups. It has to reach the datastore. Default: the managed datastore's host, or the server with an SQLite database.",
  }),
  dedicated: section({
    name: z
      .string({ error: "has to be a name: write a name for the host, such as backup-1" })
      .meta({ description: "Name of a host that only takes backups. Set it instead of `backup.host`." }),
    host: host.meta({ description: "Host that only takes backups." }),
  }).optional(),
  schedule: z
    .string({ error: 'has to be a cron expression: write it in quotes, such as "17 * * * *"' })
    .default("17 * * * *")
    .meta({ description: "Times of the backups: five cron fields, in UTC." }),
  keep: wholeNumber(1, Infinity, "write the number of verified backups to keep").default(48).meta({
    description: "Number of newest verified backups that are kept. Others are deleted once a newer one is verified.",
  }),
  daily: generations("days")
    .default(7)
    .meta({ description: "Number of newest days whose last backup is also kept. With 0 none is." }),
  weekly: generations("weeks")
    .default(4)
    .meta({ description: "Number of newest weeks whose last backup is also kept. With 0 none is." }),
  monthly: generations("months")
    .default(6)
    .meta({ description: "Number of newest months whose last backup is also kept. With 0 none is." }),
  directory: directory
    .default("/var/backups/k3s-ha")
    .meta({ description: "Directory for the backups on the host that takes them." }),
  recipients: listOf(
    text("has to be a public age key: write the line age1… that age-keygen prints", ageRecipientFault),
    "[age1…]",
  )
    .default([])
    .meta({
      description:
        "Public age keys that backups and the server token are encrypted to. With none, backups are not encrypted.",
    }),
  copy: backupCopy.optional().meta({ description: "Destination of the copies. Default: none." }),
  metricsDirectory: directory.optional().meta({
    description:
      "Directory from which the node exporter reads text files. Default: /var/lib/prometheus/node-exporter if it exists, else `backup.directory`.",
  }),
  onFailure: matching(/^[^\r\n\0]+$/, "has to be a shell command on one line: write it like mail -s backup root")
    .optional()
    .meta({
      description: "Shell command that runs when a backup fails, with the reason on standard input. Default: none.",
    }),
  drill: section({
    schedule: z
      .string({ error: 'has to be a cron expression: write it in quotes, such as "47 4 * * *"' })
      .default("47 4 * * *")
      .meta({
        description: "Times at which a stored backup is restored into a scratch server: five cron fields, in UTC.",
      }),
    afterBackup: yesOrNo("write true for a drill after every backup")
      .default(false)
      .meta({ description: "Drill after every backup, besides the schedule." }),
  })
    .optional()
    .meta({ description: "Restore drills. Default: none." }),
  beforeChanges: yesOrNo("write false only to repair a datastore that cannot be backed up").default(true).meta({
    description: "Backup before the configuration of the managed datastore changes. With `false` none is taken.",
  }),
}).meta({ description: "Backups of the datastore." });

const k3sConfig = (role: K3sRole, example: string) =>
  settingsLike(example).superRefine((value, context) => {
    for (const key of Object.keys(value)) {
      const message = k3sSettingFault(role, key);
      if (message !== undefined) context.addIssue({ code: "custom", path: [key], message });
    }
    // A kubelet that refuses one of them does not start.
    for (const [key, fault] of Object.entries({ "node-label": k3sLabelFault, "node-taint": taintFault })) {
      if (role === "agent" || !Object.hasOwn(value, key)) continue;
      const items = [value[key]].flat().map(String);
      const path = (index: number) => (Array.isArray(value[key]) ? [key, index] : [key]);
      for (const [index, item] of items.entries()) {
        const message = fault(item);
        if (message !== undefined) context.addIssue({ code: "custom", path: path(index), message });
      }
    }
  });

const sum = /^[0-9a-f]{64}$/;
const binaryExpectation =
  "has to be a sha256 of 64 digits and letters a to f: copy it from the release's list of checksums, such as sha256sum-amd64.txt; for hosts of both architectures write {amd64: 0123…, arm64: 4567…}";
const architectures: readonly string[] = ["amd64", "arm64"] satisfies Architecture[];
type SumOfEach = Exclude<Checksum, string>;

function isSumOfEach(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const sums = Object.entries(value);
  return sums.length > 0 && sums.every(([name, each]) => architectures.includes(name) && sum.test(String(each)));
}

const sha256 = (remedy: string) => matching(sum, `has to be a sha256 of 64 digits and letters a to f: ${remedy}`);
const hostFile = matching(
  /^\/[^\r\n\0]+$/,
  "has to be the absolute path of a file on the nodes: write it like /srv/k3s/k3s",
);

const k3s = section({
  version: text("has to be a K3s release: write it like v1.35.0+k3s1", releaseFault).meta({
    description: "Release of K3s, such as `v1.35.0+k3s1`.",
  }),
  mirror: text("has to be a URL: write it like https://mirror.example.com/k3s", mirrorFault).optional().meta({
    description: "URL of a mirror of K3s's releases: `<mirror>/<version>/k3s`. Default: K3s's releases on GitHub.",
  }),
  trustMirror: yesOrNo("write true only if no one on the network can change downloads").default(false).meta({
    description:
      "Trust in an `http://` mirror without `sha256`. Anyone on the way to it can then run programs as root on every node. With `false` such a mirror is refused.",
  }),
  binary: hostFile.optional().meta({
    description:
      "Path of the release's binary on every node, for hosts without downloads. Requires `sha256`. Default: none; it is downloaded from `mirror`.",
  }),
  sha256: z
    .union([matching(sum, binaryExpectation), z.custom<SumOfEach>(isSumOfEach, binaryExpectation)], {
      error: binaryExpectation,
    })
    .optional()
    .meta({
      description:
        "sha256 of the release's binary, or a map with one for each architecture (`amd64`, `arm64`) that hosts have. Default: its entry in the release's checksum list.",
    }),
  agentVersion: text("has to be a K3s release: write it like v1.35.0+k3s1", releaseFault).optional().meta({
    description: "Release that agents run, if they stay behind: at most three minor versions. Default: `k3s.version`.",
  }),
  goingBackFrom: text("has to be a K3s release: write it like v1.35.0+k3s1", releaseFault).optional().meta({
    description:
      "Release that servers run, which confirms the downgrade from it after an older dump was restored. Default: none; a downgrade is then refused.",
  }),
  serverConfig: k3sConfig("server", "{disable: [traefik]}")
    .default({})
    .meta({ description: "Additional settings of every server, as in K3s's config.yaml." }),
  agentConfig: k3sConfig("agent", "{kubelet-arg: [max-pods=50]}")
    .default({})
    .meta({ description: "Additional settings of every agent, as in K3s's config.yaml." }),
  certificateRotation: rotation("the certificates of all servers and agents"),
  images: listOf(
    section({
      source: text("has to be text: put quotes around it", imageSourceFault).meta({
        description: "Archive of images: the name of a file in `<mirror>/<version>/`, a URL, or a path on every node.",
      }),
      sha256: sha256("run sha256sum on the archive").meta({ description: "sha256 of the archive." }),
      architecture: z
        .enum(["amd64", "arm64"], { error: "has to be amd64 or arm64: write the architecture of the images" })
        .optional()
        .meta({ description: "Architecture of the nodes that have the archive. Default: all nodes have it." }),
    }),
    "[{source: k3s-airgap-images-amd64.tar.zst, sha256: 0123…}]",
  )
    .default([])
    .meta({ description: "Archives of images that every node has before its first start." }),
  network: z
    .enum(["flannel", "own"], { error: "has to be flannel or own: write own for a network plugin that you install" })
    .default("flannel")
    .meta({
      description:
        "Network plugin of the cluster: `flannel`, which K3s runs, or `own`, one that you install, such as Cilium or Calico. With `own`, K3s starts with `flannel-backend: none`, and `up` does not wait for nodes to become Ready.",
    }),
  manifests: listOf(filePath, "[cilium.yaml]").default([]).meta({
    description:
      "Files with Kubernetes objects, as YAML, that every server has before its first start and K3s applies. An object that is removed from them is deleted, unless no file remains.",
  }),
  files: nodeFileSources(filePath).default([]),
  hardened: yesOrNo("write true to follow K3s's CIS hardening guide").default(false).meta({
    description:
      "Hardening as in K3s's CIS guide: kernel settings, audit log, Pod Security `restricted` outside `kube-system`, event rate limit and kubelet settings. With `false` K3s's defaults apply. See [hosts.md](hosts.md#hardening-as-in-the-cis-guide).",
  }),
  registries: registries.optional().meta({
    description: "Image registries, as in K3s's registries.yaml. Logins are in `registryCredentials`. Default: none.",
  }),
  readySeconds: wholeNumber(1, 3600, "write the seconds for a node to become ready")
    .default(240)
    .meta({ description: "Seconds for a server or an agent to become ready after a start. The run fails after them." }),
}).meta({ description: "K3s itself." });

const safety = section({
  production: yesOrNo("write true for a production stack").default(false).meta({
    description: "Production rules of the policy pack, mandatory for this stack. With `false` they do not apply.",
  }),
  protectDatastore: yesOrNo("write false to let Pulumi delete the datastore's resources").optional().meta({
    description:
      "Pulumi's protection of the datastore's resources against deletion and replacement. Default: `safety.production`.",
  }),
}).meta({ description: "Protection of the stack against mistakes." });

/** The keys of the configuration that hold maps, with what each may hold. */
export const sections = { ssh, servers, agentPools, loadBalancer, datastore, backup, k3s, proxy, safety };

/** The keys that hold one secret text each, with what they mean. */
export const secretKeys = {
  sshPrivateKey:
    "Text of the private key to log in with, instead of `ssh.privateKeyFile`. Default: `ssh.privateKeyFile`; without that, the keys of the SSH agent.",
  datastoreEndpoint:
    "K3s's endpoint of a datastore with a user for K3s, such as `mysql://user:password@tcp(host:3306)/schema`. Required with `datastore.endpoint`. Default: none.",
  datastoreAdminPassword: "Password of `datastore.existing.adminUser`. Default: none.",
  registryCredentials:
    'Logins to image registries: `{"registry.example.com": {"username": …, "password": …}}`, or `identity_token` in it. Default: none.',
  proxyCredentials: "Login at `proxy`: `user:password`. Default: none.",
  backupCopyCredentials:
    "Secrets of `backup.copy.remote`: lines of rclone.conf, or the SSH private key of an SFTP login. Default: none.",
  backupDrillIdentity:
    "Private age key, `AGE-SECRET-KEY-…`, that opens encrypted backups for restore drills. It is stored on the host that takes backups. Default: none.",
  backupFailureWebhook: 'URL that receives `{"text": …}` when a backup fails. Default: none.',
} as const;

/** All keys of the configuration, in the order in which they are explained and complained about. */
export const keyNames = [
  "ssh",
  "sshPrivateKey",
  "servers",
  "agentPools",
  "loadBalancer",
  "datastore",
  "datastoreEndpoint",
  "datastoreAdminPassword",
  "backup",
  "backupCopyCredentials",
  "backupDrillIdentity",
  "backupFailureWebhook",
  "k3s",
  "registryCredentials",
  "proxy",
  "proxyCredentials",
  "safety",
] as const satisfies readonly (SectionKey | SecretKey)[];

export type SectionKey = keyof typeof sections;
export type SecretKey = keyof typeof secretKeys;

/** Maps of settings that say nothing true once a part is left out: a host without its port is another host. */
export const indivisible: ReadonlySet<z.core.$ZodShape> = new Set([host.shape, ssh.shape, bastion.shape]);

/** One host as the configuration has it. */
export type HostEntry = z.output<typeof host>;
export type BastionEntry = z.output<typeof bastion>;
export type SshSection = z.output<typeof ssh>;

/** The sections after parsing, every default filled in. One that could not be parsed at all is undefined. */
export type Configuration = { readonly [Key in SectionKey]: z.output<(typeof sections)[Key]> | undefined };
