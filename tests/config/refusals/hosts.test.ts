import { host, managed, pool, servers, refuses } from "./refusal.ts";
import { hostKey, smallStack } from "../stack.ts";

refuses("hosts with settings of their own", [
  {
    name: "a network of the cluster for one server",
    config: servers({ "server-3": host("198.51.100.13", { config: { "cluster-cidr": "10.0.0.0/16" } }) }),
    problems: [
      "k3s-ha:servers.server-3.config.cluster-cidr cannot be set here, since it has to be the same on all servers: remove it, and use k3s-ha:k3s.serverConfig.",
    ],
  },
  {
    name: "a setting of servers on an agent",
    config: pool({ hosts: { "agent-1": host("198.51.100.41", { config: { "advertise-address": "203.0.113.41" } }) } }),
    problems: [
      "k3s-ha:agentPools.workers.hosts.agent-1.config.advertise-address cannot be set here, since it is a setting of servers, and agents ignore it: remove it, and use k3s-ha:k3s.serverConfig.",
    ],
  },
  {
    name: "a node's address among the settings of K3s",
    config: servers({ "server-3": host("198.51.100.13", { config: { "node-ip": "198.51.100.14" } }) }),
    problems: [
      "k3s-ha:servers.server-3.config.node-ip cannot be set here, since this program sets it from the host's entry: remove it, and change the host's name or nodeAddress.",
    ],
  },
  {
    name: "labels and taints among the settings of K3s",
    config: servers({
      "server-3": host("198.51.100.13", { config: { "node-label": ["a=b"], "node-taint+": ["a=b:NoExecute"] } }),
    }),
    problems: [
      "k3s-ha:servers.server-3.config.node-label cannot be set here: remove it, and use k3s-ha:servers.server-3.labels.",
      "k3s-ha:servers.server-3.config.node-taint+ cannot be set here: remove it, and use k3s-ha:servers.server-3.taints.",
    ],
  },
  {
    name: "a label that no node can join with",
    config: servers({ "server-3": host("198.51.100.13", { labels: { "node-role.kubernetes.io/edge": "true" } }) }),
    problems: [
      'k3s-ha:servers.server-3.labels["node-role.kubernetes.io/edge"] is a label that a node may not set on itself, so its kubelet would not start: use your own prefix, or set it with kubectl after the node has joined.',
    ],
  },
  {
    name: "a taint that no node can join with",
    config: servers({ "server-3": host("198.51.100.13", { taints: ["gpu"] }) }),
    problems: [
      'k3s-ha:servers.server-3.taints[0] is "gpu", but has to be a taint as key=value:effect, with the effect NoSchedule, PreferNoSchedule, NoExecute: write it like "dedicated=ingress:NoSchedule".',
    ],
  },
  {
    name: "a map among the settings of K3s",
    config: servers({ "server-3": host("198.51.100.13", { config: { "kubelet-arg": { "max-pods": 50 } } }) }),
    problems: [
      `k3s-ha:servers.server-3.config.kubelet-arg is {"max-pods":50}, but has to be text, a number, true or false, or a list of these: K3s's config.yaml accepts nothing else; write it like the flag of k3s.`,
    ],
  },
  {
    name: "those of a node on a load balancer and on the datastore's host",
    config: {
      ...managed({ host: host("198.51.100.20", { labels: { a: "b" }, taints: ["a=b:NoExecute"] }) }),
      loadBalancer: { hosts: { "lb-1": host("198.51.100.30", { config: { "flannel-iface": "eth1" } }) } },
    },
    problems: [
      "k3s-ha:loadBalancer.hosts.lb-1.config is a setting of nodes, but this is a load balancer, which runs no K3s: remove it.",
      "k3s-ha:datastore.managed.host.labels is a setting of nodes, but this is the datastore's host, which runs no K3s: remove it.",
      "k3s-ha:datastore.managed.host.taints is a setting of nodes, but this is the datastore's host, which runs no K3s: remove it.",
    ],
  },
  {
    name: "an API that the proof of readiness and HAProxy would not reach",
    config: servers({ "server-3": host("198.51.100.13", { config: { "bind-address": "198.51.100.13" } }) }),
    problems: [
      "k3s-ha:servers.server-3.config.bind-address makes the server's API answer at one address, but readiness is checked at 127.0.0.1, and HAProxy connects to the node address: remove it, and use a firewall to close port 6443 to others.",
    ],
  },
]);

refuses("hosts", [
  {
    name: "a missing address",
    config: servers({ "server-3": { hostKey } }),
    problems: [
      "k3s-ha:servers.server-3.address is missing and has to be an IP address or a DNS name: write it alone, without a user, a port or a scheme.",
    ],
  },
  {
    name: "an address with a port",
    config: servers({ "server-3": host("198.51.100.13:22") }),
    problems: [
      'k3s-ha:servers.server-3.address is "198.51.100.13:22", but has to be an IP address or a DNS name: write it alone, without a user, a port or a scheme.',
    ],
  },
  {
    name: "a mistyped IPv4 address",
    config: servers({ "server-3": host("198.51.100.256") }),
    problems: [
      'k3s-ha:servers.server-3.address is "198.51.100.256", but has to be an IP address or a DNS name: write it alone, without a user, a port or a scheme.',
    ],
  },
  {
    name: "a node address that is a name",
    config: servers({ "server-3": host("198.51.100.13", { nodeAddress: "server-3" }) }),
    problems: [
      'k3s-ha:servers.server-3.nodeAddress is "server-3", but has to be an IP address: write the address for the cluster\'s own traffic.',
    ],
  },
  {
    name: "a name without a node address",
    config: servers({ "server-3": host("server-3.example.com") }),
    problems: [
      'k3s-ha:servers.server-3.nodeAddress is missing, but the address "server-3.example.com" is a DNS name and the cluster\'s own traffic needs an IP address: add the address at which the other hosts reach this host.',
    ],
  },
  {
    name: "a user with a space",
    config: { ...smallStack, ssh: { user: "a b" } },
    problems: ['k3s-ha:ssh.user is "a b", but has to be a login name: write root, or a user with password-less sudo.'],
  },
  {
    name: "a port out of range",
    config: { ...smallStack, ssh: { port: 65536 } },
    problems: [
      "k3s-ha:ssh.port is 65536, but has to be a whole number from 1 to 65535: write the port that sshd listens on.",
    ],
  },
  {
    name: "a port as text",
    config: servers({ "server-3": host("198.51.100.13", { port: "22" }) }),
    problems: [
      'k3s-ha:servers.server-3.port is "22", but has to be a whole number from 1 to 65535: write the port that sshd listens on.',
    ],
  },
  {
    name: "a host key of an unknown type",
    config: servers({ "server-3": host("198.51.100.13", { hostKey: "ssh-dss AAAA" }) }),
    problems: [
      'k3s-ha:servers.server-3.hostKey is "ssh-dss AAAA", but has to begin with a type of key (ssh-ed25519, ecdsa-sha2-nistp256, ecdsa-sha2-nistp384, ecdsa-sha2-nistp521, ssh-rsa): copy the whole line of the host\'s /etc/ssh/ssh_host_ed25519_key.pub.',
    ],
  },
  {
    name: "a cut host key",
    config: servers({ "server-3": host("198.51.100.13", { hostKey: hostKey.slice(0, -9) }) }),
    problems: [
      'k3s-ha:servers.server-3.hostKey is "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE", but has to be a complete ssh-ed25519 key, but its base64 part is not: copy the whole line of the host\'s /etc/ssh/ssh_host_*_key.pub again.',
    ],
  },
  {
    name: "a host key whose text is of another type",
    config: servers({ "server-3": host("198.51.100.13", { hostKey: hostKey.replace("ssh-ed25519 ", "ssh-rsa ") }) }),
    problems: [
      'k3s-ha:servers.server-3.hostKey is "ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB", but has to be a complete ssh-rsa key, but its base64 part is not: copy the whole line of the host\'s /etc/ssh/ssh_host_*_key.pub again.',
    ],
  },
  {
    name: "a private key as a host key, without showing it",
    config: servers({
      "server-3": host("198.51.100.13", {
        hostKey: "-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0\n-----END OPENSSH PRIVATE KEY-----\n",
      }),
    }),
    problems: [
      "k3s-ha:servers.server-3.hostKey is a value that may be secret and is not shown, but has to begin with a type of key (ssh-ed25519, ecdsa-sha2-nistp256, ecdsa-sha2-nistp384, ecdsa-sha2-nistp521, ssh-rsa): copy the whole line of the host's /etc/ssh/ssh_host_ed25519_key.pub.",
    ],
  },
  {
    name: "a private key as the file of one, without showing it",
    config: { ...smallStack, ssh: { privateKeyFile: "-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0\n" } },
    problems: [
      "k3s-ha:ssh.privateKeyFile is a value that may be secret and is not shown, but has to be the path of a file: write it absolute, from ~/, or relative to the directory of Pulumi.yaml.",
    ],
  },
  {
    name: "a node name in upper case",
    config: servers({ Server_3: host("198.51.100.13") }),
    problems: [
      'k3s-ha:servers.Server_3 has the name "Server_3", but a host\'s name is a node\'s name in Kubernetes: use only a to z, 0 to 9, "-" and ".", with a letter or digit at both ends.',
    ],
  },
  {
    name: "a name of a server and of an agent",
    config: pool({ hosts: { "server-1": host("198.51.100.41") } }),
    problems: [
      'k3s-ha:agentPools.workers.hosts.server-1 has the name "server-1" of k3s-ha:servers.server-1 too, but every host needs its own name: rename one of them.',
    ],
  },
  {
    name: "a name of a server and of the database's host",
    config: managed({ name: "server-2" }),
    problems: [
      'k3s-ha:datastore.managed.name has the name "server-2" of k3s-ha:servers.server-2 too, but every host needs its own name: rename one of them.',
    ],
  },
  {
    name: "a host given twice",
    config: pool({ hosts: { "agent-1": host("198.51.100.12") } }),
    problems: [
      "k3s-ha:agentPools.workers.hosts.agent-1 has the address 198.51.100.12 and SSH port 22 of k3s-ha:servers.server-2 too, but every role needs its own host: correct one of the addresses, or remove one of the hosts.",
    ],
  },
  {
    name: "an IPv6 host given twice in two spellings",
    config: {
      ...pool({
        hosts: {
          "agent-1": host("2001:db8::0:1", { nodeAddress: "198.51.100.41" }),
          "agent-2": host("2001:DB8::1", { nodeAddress: "198.51.100.42" }),
        },
      }),
    },
    problems: [
      "k3s-ha:agentPools.workers.hosts.agent-2 has the address 2001:DB8::1 and SSH port 22 of k3s-ha:agentPools.workers.hosts.agent-1 too, but every role needs its own host: correct one of the addresses, or remove one of the hosts.",
    ],
  },
  {
    name: "the database on a server",
    config: managed({ host: host("198.51.100.11") }),
    problems: [
      "k3s-ha:datastore.managed.host has the address 198.51.100.11 and SSH port 22 of k3s-ha:servers.server-1 too, but every role needs its own host: correct one of the addresses, or remove one of the hosts.",
    ],
  },
  {
    name: "two hosts with one node address",
    config: servers({ "server-3": host("gate.example.com", { port: 2022, nodeAddress: "198.51.100.12" }) }),
    problems: [
      "k3s-ha:servers.server-3 has the node address 198.51.100.12 of k3s-ha:servers.server-2 too, but every host needs its own node address: set another nodeAddress for one of them.",
    ],
  },
]);
