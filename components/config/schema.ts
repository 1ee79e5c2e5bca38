import { z } from "zod";
import { isIP } from "node:net";
import { ageRecipientFault } from "./ageRecipient.ts";
import { isAddress, isUnicastAddress } from "./address.ts";
import { databaseFault } from "./databaseName.ts";
import { hostKeyFault } from "../host/hostKey.ts";
import { imageSourceFault } from "./imageArchive.ts";
import { k3sSettingFault, type K3sRole } from "./k3sSetting.ts";
import { k3sLabelFault, labelFault, taintFault } from "./kubernetesSyntax.ts";
import { registries } from "./registries.ts";
import { mirrorFault, versionFault } from "./release.ts";
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
  address: address.meta({ description: "Address that SSH dials: an IP address or a DNS name." }),
  user: user.optional().meta({ description: "Login user of the bastion; it needs no sudo. Default: `ssh.user`." }),
  port: port("sshd listens on").default(22).meta({ description: "SSH port of the bastion." }),
  privateKeyFile: filePath
    .optional()
    .meta({ description: "Private key to log in to the bastion with. Default: as for all hosts." }),
  hostKey: hostKey
    .optional()
    .meta({ description: "The bastion's public SSH key. Default: what `ssh.knownHostsFile` says." }),
});

/** One host: how it is reached, and how it is known. */
export const host = section({
  address: address.meta({ description: "Address that SSH dials: an IP address or a DNS name." }),
  nodeAddress: text("has to be an IP address: write the one that the cluster's own traffic uses", (value) =>
    isIP(value) === 0 ? "has to be an IP address: write the one that the cluster's own traffic uses" : undefined,
  )
    .optional()
    .meta({
      description: "IP address that the cluster's own traffic uses. Default: `address`, if that is an IP address.",
    }),
  user: user.optional().meta({ description: "Login user of this host. Default: `ssh.user`." }),
  port: port("sshd listens on").optional().meta({ description: "SSH port of this host. Default: `ssh.port`." }),
  privateKeyFile: filePath
    .optional()
    .meta({ description: "Private key to log in to this host with. Default: as for all hosts." }),
  hostKey: hostKey.optional().meta({
    description:
      "The host's public SSH key, one line as in its `/etc/ssh/ssh_host_ed25519_key.pub`. Default: what `ssh.knownHostsFile` says.",
  }),
  bastion: bastion
    .optional()
    .meta({ description: "The host that connections to this one go through. Default: `ssh.bastion`." }),
  adopt: yesOrNo("write true to let configuration that is there be replaced").default(false).meta({
    description:
      "Whether configuration of others on the host may be replaced, which is refused otherwise; copies are kept, and put back by the removal. See [day-two.md](day-two.md).",
  }),
  lost: yesOrNo("write true only for a host that is gone for good").default(false).meta({
    description:
      "Whether the host is lost: it is not dialled any more, and its node is removed through a living server. See [day-two.md](day-two.md).",
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
      "Private key to log in with, without a passphrase. Default: `sshPrivateKey`; without that, the keys of the SSH agent.",
  }),
  knownHostsFile: filePath.optional().meta({
    description:
      "File of known hosts, as ssh keeps it, for hosts without a `hostKey`. Default: none, so each host needs its `hostKey`.",
  }),
  bastion: bastion
    .optional()
    .meta({ description: "The host that connections to all other hosts go through. Default: none." }),
  connectSeconds: wholeNumber(1, 600, "write the seconds that one attempt to connect may take")
    .default(10)
    .meta({ description: "Seconds that one attempt to connect may take; there are five." }),
  commandSeconds: wholeNumber(60, 86_400, "write the seconds that one step on a host may take").default(600).meta({
    description:
      "Seconds that a step on a host may take which has no limit of its own: packages, downloads, a database.",
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
      "The hosts that run K3s servers, by node name. They are started and changed one at a time in the order of their names, server-2 before server-10.",
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

const agentPools = mapOf(
  section({
    hosts: hostsLike("agent-1: {address: 203.0.113.41}").meta({ description: "The pool's hosts, by node name." }),
    labels: labels.default({}).meta({ description: "Labels that every node of the pool joins with." }),
    taints: listOf(text("has to be text: put quotes around it", taintFault), '["dedicated=ingress:NoSchedule"]')
      .default([])
      .meta({ description: "Taints that every node of the pool joins with, each `key=value:effect`." }),
    waveWidth: wholeNumber(1, Infinity, "write how many agents may change at the same time")
      .default(10)
      .meta({ description: "How many agents are created or changed at the same time." }),
    drainSeconds: wholeNumber(0, 3600, "write the seconds that pods may take to leave an agent before it is restarted")
      .default(0)
      .meta({
        description:
          "Seconds that pods may take to leave an agent before K3s is restarted on it; it is cordoned meanwhile. Pods that are still there then run on, as they do with 0, which drains nothing.",
      }),
  }),
  "workers: {hosts: {agent-1: {address: 203.0.113.41}}}",
).meta({ description: "Pools of hosts that run K3s agents, by pool name. May be empty: servers run workloads too." });

const apiName = "has to be a DNS name or an IP address: write it alone, without a port or a scheme";

const sharedAddress =
  "has to be an IP address that the load balancers can share: write a free one of the network that they are in";
const ipAddress = (expectation: string) =>
  text(expectation, (value) => (isUnicastAddress(value) ? undefined : expectation));

const virtualIp = section({
  address: ipAddress(sharedAddress).meta({
    description: "IP address that the load balancers share: a free one of the network that they are in.",
  }),
  interface: matching(
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,14}$/,
    "has to be the name of a network interface of the load balancers: write it like eth0",
  )
    .optional()
    .meta({
      description:
        "Network interface that it is put on. Default: the one that has the load balancer's own node address.",
    }),
});

const rotation = (of: string) =>
  matching(
    /^[A-Za-z0-9][A-Za-z0-9-]{0,39}$/,
    'has to be a word of letters, digits and "-": write it in quotes, such as "2026-11-24"',
  )
    .optional()
    .meta({ description: `A word, such as a date, that asks for ${of} when it changes. Default: none.` });

const loadBalancer = section({
  hosts: hostsLike("lb-1: {address: 203.0.113.30}")
    .superRefine((value, context) => {
      if (Object.keys(value).length > 0) return;
      const message =
        "has no host: add the one that runs HAProxy, or two for high availability, like lb-1: {address: 203.0.113.30}";
      context.addIssue({ code: "custom", message });
    })
    .meta({ description: "The hosts that run HAProxy, by name: one, or several that share `virtualIp`." }),
  virtualIp: virtualIp.optional().meta({
    description: "The address that several load balancers share. Required with more than one host.",
  }),
  port: port("the Kubernetes API is offered on")
    .default(6443)
    .meta({ description: "Port that the Kubernetes API is offered on." }),
  names: listOf(
    text(apiName, (value) => (isAddress(value) ? undefined : apiName)),
    "[k8s.example.com]",
  )
    .default([])
    .meta({
      description:
        "DNS names or addresses, beside the host's own, that clients use for the API; they go into the servers' certificates.",
    }),
  maxConnections: wholeNumber(1, 1_000_000, "write how many connections HAProxy may take")
    .default(4000)
    .meta({ description: "Connections that HAProxy takes at the same time." }),
  idleSeconds: wholeNumber(1, 2_147_483, "write the seconds that a connection may be idle").default(86_400).meta({
    description: "Seconds after which HAProxy closes a connection that nothing was sent on, such as an idle exec.",
  }),
  statsAddresses: mapOf(
    ipAddress("has to be an IP address of that host: write the one that its statistics are to be served on"),
    "{lb-1: 192.0.2.30}",
  )
    .default({})
    .meta({
      description:
        "IP address, by a load balancer's name, that its statistics page and Prometheus metrics are served on, to whoever reaches it; on the others it is 127.0.0.1.",
    }),
  certificateRotation: rotation("another certificate for the readiness checks"),
  certificateHours: wholeNumber(1, 876_600, "write the hours that the certificate for readiness checks is good for")
    .default(87_660)
    .meta({
      description:
        "Hours that the certificate for the readiness checks is good for, ten years; any `up` in their second half renews it.",
    }),
  statsPort: port("the statistics page and the metrics are served on")
    .default(8404)
    .meta({ description: "Port of the statistics page and the Prometheus metrics." }),
}).meta({ description: "The load balancer before the servers." });

const managed = section({
  name: z
    .string({ error: "has to be a name: write the name of the database's host, such as db-1" })
    .meta({ description: "Name of the host." }),
  host: host.meta({ description: "The host that MariaDB is installed on." }),
  port: port("MariaDB listens on").default(3306).meta({ description: "Port of the database." }),
  database: text("has to be a name: write a schema's name such as k3s", databaseFault)
    .default("k3s")
    .meta({ description: "Schema that K3s keeps the cluster in." }),
  certificateRotation: rotation("another certificate of the database"),
  bufferPoolMebibytes: wholeNumber(128, 1_048_576, "write the MiB of memory that MariaDB caches tables in")
    .optional()
    .meta({
      description:
        "MiB of memory that MariaDB caches tables in, at most three quarters of the host's. Default: half of the host's memory beyond 512 MiB, from 128 to 8192.",
    }),
  firewall: yesOrNo("write false only if a firewall of your own closes the port").default(true).meta({
    description: "Whether the database's port is closed, on the host, to everybody but the servers and the backup.",
  }),
  startsEmpty: yesOrNo("write true only if the cluster that was lost is not to be restored").default(false).meta({
    description:
      "Whether an empty cluster may take the place of one whose schema is gone with its host. Otherwise `up` ends before any server is let in.",
  }),
});

const accountName = 'has to be an account\'s name: write 1 to 25 of the characters a to z, 0 to 9 and "_"';
const loginHost =
  'has to be an address as the database sees it, or a pattern of the database\'s: write it like 203.0.113.11 or "203.0.113.%"';

const existing = section({
  engine: z
    .enum(["mysql", "mariadb"], { error: "has to be mysql or mariadb: write which of the two the server is" })
    .meta({
      description: "What the server is: `mysql` (5.7 to 9) or `mariadb` (10.6 or newer).",
    }),
  address: text(addressExpectation, (value) => (isAddress(value) ? undefined : addressExpectation)).meta({
    description: "Address of the server, an IP address or a DNS name; its certificate has to name just this.",
  }),
  port: port("the server listens on").default(3306).meta({ description: "Port of the server." }),
  database: text("has to be a name: write a schema's name such as k3s", databaseFault)
    .default("k3s")
    .meta({ description: "Schema that is made, and that K3s keeps the cluster in." }),
  user: matching(/^[a-z0-9_]{1,25}$/, accountName)
    .default("k3s")
    .meta({
      description: "Name of the user that is made for K3s. The one for backups has `_backup` after it.",
    }),
  loginFrom: listOf(matching(/^[0-9A-Za-z.:%_/-]{1,255}$/, loginHost), '[203.0.113.11, "203.0.113.%"]')
    .optional()
    .meta({
      description:
        "Where both users may log in from, where the database sees other addresses than the hosts' own. Default: K3s's user from each server, the backup's from the host that takes backups.",
    }),
  adminUser: matching(
    /^[^\s'"\\`]{1,80}$/,
    "has to be an account's name: write that of one who may make schemas and users",
  ).meta({
    description: "Account that may make schemas and users. Its password is `datastoreAdminPassword`.",
  }),
  caFile: filePath.meta({ description: "File of the CA, as PEM, that signed the server's certificate." }),
  via: z
    .string({ error: "has to be the name of a host: write that of one that may reach the database, such as server-1" })
    .optional()
    .meta({
      description:
        "With MariaDB, name of the host of this stack that makes the users. Default: none, since MySQL's are made from where Pulumi runs.",
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

const datastore = section({
  managed: managed.optional().meta({ description: "A MariaDB server that this program installs." }),
  existing: existing
    .optional()
    .meta({ description: "A MySQL or MariaDB server that is there, on which this program makes schema and users." }),
  endpoint: endpoint
    .optional()
    .meta({ description: "How the datastore is verified that `datastoreEndpoint` names; nothing is made on it." }),
  connectionsPerServer: wholeNumber(10, 1000, "write how many connections each K3s server may hold").default(60).meta({
    description:
      "Connections to the datastore that each K3s server may hold. The datastore has to offer them to all servers; with few servers and little traffic 20 suffice. No effect on etcd.",
  }),
  movingFrom: matching(
    /^\S+:\d+\/[^\s/]+$/,
    "has to be a datastore: write it as the refusal names it, such as 198.51.100.20:3306/k3s",
  )
    .optional()
    .meta({
      description:
        "The datastore that is left for another one, as `host:port/schema`, once its data are there. Default: none, so another datastore is refused.",
    }),
}).meta({ description: "The datastore of the cluster: exactly one of managed, existing and endpoint." });

const directoryExpectation =
  'has to be an absolute path of letters, digits, "-", "_", "." and "/", with no part that is empty or begins with ".": write it like /var/backups/k3s-ha';
const directory = matching(/^(\/[A-Za-z0-9_-][A-Za-z0-9._-]*)+$/, directoryExpectation);
const generations = (period: string) => wholeNumber(0, 1000, `write of how many ${period} the newest backup is kept`);
const remoteScalar = z.union([z.string(), z.number(), z.boolean()], {
  error: "has to be text, a number, true or false: write it as rclone.conf has it",
});

const backupCopy = section({
  remote: mapOf(remoteScalar, "{type: sftp, host: 203.0.113.90, user: backup}").meta({
    description: "Settings of a remote of rclone, as in rclone.conf, without its secrets; `type` is one of them.",
  }),
  hostKeys: listOf(
    text("has to be a host's public key: copy the host's /etc/ssh/ssh_host_ecdsa_key.pub", hostKeyFault),
    "[ssh-ed25519 AAAA…]",
  )
    .default([])
    .meta({ description: "Public SSH keys of an SFTP host: all that it has, since rclone chooses the type." }),
  path: matching(
    /^[A-Za-z0-9._/-]*[A-Za-z0-9._-]$/,
    'has to be a path of letters, digits, "-", "_", "." and "/": write the directory, or the bucket and a prefix, that is for this cluster alone',
  ).meta({ description: "Directory, or bucket and prefix, for the backups of this cluster alone." }),
  prune: yesOrNo("write false only if the store removes old copies itself")
    .default(true)
    .meta({ description: "Whether copies are removed there when no generation keeps them." }),
});

const backup = section({
  host: z.string({ error: "has to be a name: write the name of the host that takes the backups" }).optional().meta({
    description:
      "Name of the host of this stack that takes the backups; it has to reach the datastore. Default: the host of the managed database.",
  }),
  dedicated: section({
    name: z
      .string({ error: "has to be a name: write a name for the host, such as backup-1" })
      .meta({ description: "Name of a host that does nothing but take backups." }),
    host: host.meta({ description: "That host." }),
  }).optional(),
  schedule: z
    .string({ error: 'has to be a cron expression: write it in quotes, such as "17 * * * *"' })
    .default("17 * * * *")
    .meta({ description: "When a backup is taken: five fields of cron, in UTC." }),
  keep: wholeNumber(1, Infinity, "write how many verified backups are kept")
    .default(48)
    .meta({ description: "Newest verified backups that are kept. Others are deleted once a newer one is verified." }),
  daily: generations("days").default(7).meta({ description: "Newest days of which the newest backup is kept too." }),
  weekly: generations("weeks").default(4).meta({ description: "Newest weeks of which the newest backup is kept too." }),
  monthly: generations("months")
    .default(6)
    .meta({ description: "Newest months of which the newest backup is kept too." }),
  directory: directory
    .default("/var/backups/k3s-ha")
    .meta({ description: "Directory, on the host that takes the backups, that they are kept in." }),
  recipients: listOf(
    text("has to be a public key of age: write the line age1… that age-keygen prints", ageRecipientFault),
    "[age1…]",
  )
    .default([])
    .meta({
      description: "Public keys of age that backups and the server token are encrypted to. None: not encrypted.",
    }),
  copy: backupCopy.optional().meta({ description: "Where each backup is copied to. Default: nowhere." }),
  metricsDirectory: directory.optional().meta({
    description:
      "Directory that the node exporter reads textfiles from. Default: /var/lib/prometheus/node-exporter if that exists, else `backup.directory`.",
  }),
  onFailure: matching(/^[^\r\n\0]+$/, "has to be a shell command on one line: write it like mail -s backup root")
    .optional()
    .meta({
      description:
        "Shell command that is run when a backup fails, with the reason on its standard input. Default: none.",
    }),
  drill: section({
    schedule: z
      .string({ error: 'has to be a cron expression: write it in quotes, such as "47 4 * * *"' })
      .default("47 4 * * *")
      .meta({ description: "When a kept backup is restored into a scratch server: five fields of cron, in UTC." }),
    afterBackup: yesOrNo("write true to restore every backup again as it is kept")
      .default(false)
      .meta({ description: "Whether that is done after every backup too." }),
  })
    .optional()
    .meta({ description: "Restore drills. Default: none." }),
  beforeChanges: yesOrNo("write false only to mend a datastore that no backup can be taken of")
    .default(true)
    .meta({ description: "Whether a backup is taken before the configuration of the managed database changes." }),
}).meta({ description: "Backups of the datastore." });

const scalarExpectation =
  "has to be text, a number, true or false, or a list of these: K3s's config.yaml takes nothing else, so write it as k3s's own flag would have it";
const scalar = z.union([z.string(), z.number(), z.boolean()], { error: scalarExpectation });
const k3sConfig = (role: K3sRole, example: string) =>
  mapOf(z.union([scalar, z.array(scalar)], { error: scalarExpectation }), example).superRefine((value, context) => {
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

const sha256 = (remedy: string) =>
  matching(/^[0-9a-f]{64}$/, `has to be a sha256 of 64 digits and letters a to f: ${remedy}`);
const hostFile = matching(
  /^\/[^\r\n\0]+$/,
  "has to be the absolute path of a file on the nodes: write it like /srv/k3s/k3s",
);

const k3s = section({
  version: text("has to be a K3s release: write it like v1.35.0+k3s1", versionFault).meta({
    description: "The release of K3s, such as `v1.35.0+k3s1`.",
  }),
  mirror: text("has to be a URL: write it like https://mirror.example.com/k3s", mirrorFault).optional().meta({
    description:
      "Where releases are fetched from, laid out like K3s's own: `<mirror>/<version>/k3s`. Default: K3s's own releases on GitHub.",
  }),
  trustMirror: yesOrNo("write true only if nobody can change what is served on the way").default(false).meta({
    description:
      "Whether an `http://` mirror is believed without `sha256`. Whoever is on the way to it can run programs as root on every node.",
  }),
  binary: hostFile.optional().meta({
    description:
      "Path of the release's binary on every node, for hosts that fetch nothing; needs `sha256`. Default: it is fetched from `mirror`.",
  }),
  sha256: sha256("copy it from the release's list of checksums, such as sha256sum-amd64.txt")
    .optional()
    .meta({ description: "sha256 of the release's binary. Default: what the release's own checksum list says." }),
  agentVersion: text("has to be a K3s release: write it like v1.35.0+k3s1", versionFault).optional().meta({
    description:
      "The release that agents run, if they are to stay behind: at most three minor versions. Default: `k3s.version`.",
  }),
  goingBackFrom: text("has to be a K3s release: write it like v1.35.0+k3s1", versionFault).optional().meta({
    description:
      "The release that servers run and that going back from is meant, after an older dump was restored. Default: none, so going back is refused.",
  }),
  serverConfig: k3sConfig("server", "{disable: [traefik]}")
    .default({})
    .meta({ description: "More settings of every server, as in K3s's config.yaml." }),
  agentConfig: k3sConfig("agent", "{kubelet-arg: [max-pods=50]}")
    .default({})
    .meta({ description: "More settings of every agent, as in K3s's config.yaml." }),
  certificateRotation: rotation("new certificates of every server and agent"),
  images: listOf(
    section({
      source: text("has to be text: put quotes around it", imageSourceFault).meta({
        description:
          "Archive of images: the name of a file of the release, fetched from `<mirror>/<version>/`, a URL, or a path on every node.",
      }),
      sha256: sha256("run sha256sum on the archive").meta({ description: "sha256 of the archive." }),
    }),
    "[{source: k3s-airgap-images-amd64.tar.zst, sha256: 0123…}]",
  )
    .default([])
    .meta({ description: "Archives of images that every node has before its first start." }),
  registries: registries.optional().meta({
    description: "Image registries, as in K3s's registries.yaml; logins stand in `registryCredentials`. Default: none.",
  }),
  readySeconds: wholeNumber(1, 3600, "write the seconds that a node may take to prove itself")
    .default(240)
    .meta({ description: "Seconds that a server or an agent may take to prove itself ready after a start." }),
}).meta({ description: "K3s itself." });

const safety = section({
  production: yesOrNo("write true for a stack that must not fail")
    .default(false)
    .meta({ description: "Whether the policy pack's rules for production are mandatory for this stack." }),
  protectDatastore: yesOrNo("write false to let Pulumi delete the datastore's resources").optional().meta({
    description: "Whether Pulumi refuses to delete or replace the datastore's resources. Default: `safety.production`.",
  }),
}).meta({ description: "What guards the stack against mistakes." });

/** The keys of the configuration that hold maps, with what each may hold. */
export const sections = { ssh, servers, agentPools, loadBalancer, datastore, backup, k3s, safety };

/** The keys that hold one secret text each, with what they mean. */
export const secretKeys = {
  sshPrivateKey:
    "Text of the private key to log in with, instead of `ssh.privateKeyFile`. Default: `ssh.privateKeyFile`; without that, the keys of the SSH agent.",
  datastoreEndpoint:
    "K3s's endpoint of a datastore with a user that is there, such as `mysql://user:password@tcp(host:3306)/schema`; with `datastore.endpoint`. Default: none.",
  datastoreAdminPassword: "Password of `datastore.existing.adminUser`. Default: none.",
  registryCredentials:
    'Logins to image registries: `{"registry.example.com": {"username": …, "password": …}}`, or `identity_token` in it. Default: none.',
  backupCopyCredentials:
    "What `backup.copy.remote` needs that is secret: lines of rclone.conf, or the SSH private key of an SFTP login. Default: none.",
  backupDrillIdentity:
    "Private key of age, `AGE-SECRET-KEY-…`, that restore drills open encrypted backups with; it lies on the host that takes them. Default: none.",
  backupFailureWebhook: 'URL that is sent `{"text": …}` when a backup fails. Default: none.',
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
