import { smallStack } from "../stack.ts";
import { host, loadBalancer, managed, refuses } from "./refusal.ts";

const pair = { "lb-1": host("198.51.100.30"), "lb-2": host("198.51.100.31") };

/** The small stack behind a load balancer that the program does not run. */
const external = (settings: object, others: object = {}) => ({
  ...smallStack,
  loadBalancer: { external: settings, ...others },
});

/** The small stack with load balancers on servers' hosts. */
const shared = (onServers: object, others: object = {}) => ({ ...smallStack, loadBalancer: { onServers, ...others } });

refuses("the load balancer", [
  {
    name: "a command without a path that is to move the virtual IP",
    config: loadBalancer({
      hosts: { "lb-1": host("198.51.100.30"), "lb-2": host("198.51.100.31") },
      virtualIp: { address: "198.51.100.100", notify: "aws ec2 assign" },
    }),
    problems: [
      'k3s-ha:loadBalancer.virtualIp.notify is "aws ec2 assign", but has to be an absolute path of a program on the load balancers, with plain words as arguments: write it like /usr/local/sbin/move-address 203.0.113.35.',
    ],
  },
  {
    name: "the load balancer on a server's port 6443",
    config: loadBalancer({ hosts: { "lb-1": host("198.51.100.11") } }),
    problems: [
      "k3s-ha:loadBalancer.hosts.lb-1 is the host of k3s-ha:servers.server-1, where K3s itself listens on port 6443: run HAProxy on another host; or, to share that one, write k3s-ha:loadBalancer.onServers.lb-1: server-1 instead, and another k3s-ha:loadBalancer.port.",
    ],
  },
  {
    name: "the load balancer on a server, on another port",
    config: loadBalancer({ hosts: { "lb-1": host("198.51.100.11") }, port: 443 }),
    problems: [
      "k3s-ha:loadBalancer.hosts.lb-1 is the host of k3s-ha:servers.server-1, where K3s itself listens on port 6443: run HAProxy on another host; or, to share that one, write k3s-ha:loadBalancer.onServers.lb-1: server-1 instead, and another k3s-ha:loadBalancer.port.",
    ],
  },
  {
    name: "no load balancer host",
    config: loadBalancer({ hosts: {} }),
    problems: [
      "k3s-ha:loadBalancer.hosts has no host, and k3s-ha:loadBalancer.external is missing: add the host that runs HAProxy, or two for high availability, like lb-1: {address: 203.0.113.30}; or name a load balancer of your own, like external: {address: k8s.example.com}.",
    ],
  },
  {
    name: "two load balancer hosts without an address that they share",
    config: loadBalancer({ hosts: pair }),
    problems: [
      "k3s-ha:loadBalancer.virtualIp is missing, but k3s-ha:loadBalancer.hosts has 2 hosts, which need a shared address for clients: add a free address of their network, like {address: 203.0.113.35}, or keep one host.",
    ],
  },
  {
    name: "an address to share without another load balancer",
    config: loadBalancer({ virtualIp: { address: "198.51.100.100" } }),
    problems: [
      "k3s-ha:loadBalancer.virtualIp is set, but k3s-ha:loadBalancer.hosts has a single host, which clients reach at its own address: add a second host, or remove the setting.",
    ],
  },
  {
    name: "a host that is wrong, which says nothing of how many there are",
    config: loadBalancer({
      hosts: { ...pair, "lb-2": host("not an address") },
      virtualIp: { address: "198.51.100.100" },
      statsAddresses: { "lb-2": "192.0.2.31" },
    }),
    problems: [
      'k3s-ha:loadBalancer.hosts.lb-2.address is "not an address", but has to be an IP address or a DNS name: write it alone, without a user, a port or a scheme.',
    ],
  },
  {
    name: "a name in the place of the shared address",
    config: loadBalancer({ hosts: pair, virtualIp: { address: "k8s.example.com" } }),
    problems: [
      'k3s-ha:loadBalancer.virtualIp.address is "k8s.example.com", but has to be an IP address that the load balancers can share: write a free address of their network.',
    ],
  },
  {
    name: "a shared address that no host can have",
    config: loadBalancer({ hosts: pair, virtualIp: { address: "0.0.0.0" } }),
    problems: [
      'k3s-ha:loadBalancer.virtualIp.address is "0.0.0.0", but has to be an IP address that the load balancers can share: write a free address of their network.',
    ],
  },
  {
    name: "a shared address that is a server's",
    config: loadBalancer({ hosts: pair, virtualIp: { address: "198.51.100.11" } }),
    problems: [
      "k3s-ha:loadBalancer.virtualIp.address is 198.51.100.11, which is the address of k3s-ha:servers.server-1: choose an address that no host has.",
    ],
  },
  {
    name: "a shared address that is a load balancer's own",
    config: loadBalancer({ hosts: pair, virtualIp: { address: "198.51.100.31" } }),
    problems: [
      "k3s-ha:loadBalancer.virtualIp.address is 198.51.100.31, which is the address of k3s-ha:loadBalancer.hosts.lb-2: choose an address that no host has.",
    ],
  },
  {
    name: "a shared address among those of services",
    config: loadBalancer({ hosts: pair, virtualIp: { address: "10.43.0.100" } }),
    problems: [
      "k3s-ha:loadBalancer.virtualIp.address is 10.43.0.100, which is in 10.43.0.0/16, K3s's network for services: choose an address of the load balancers' own network.",
    ],
  },
  {
    name: "a shared address of another family than the hosts'",
    config: loadBalancer({ hosts: pair, virtualIp: { address: "2001:db8::100" } }),
    problems: [
      "k3s-ha:loadBalancer.virtualIp.address is an IPv6 address, but k3s-ha:loadBalancer.hosts.lb-1 has the node address 198.51.100.30: choose an address of the load balancers' own network.",
    ],
  },
  {
    name: "an interface that is no name",
    config: loadBalancer({ hosts: pair, virtualIp: { address: "198.51.100.100", interface: "eth0 { }" } }),
    problems: [
      'k3s-ha:loadBalancer.virtualIp.interface is "eth0 { }", but has to be the name of a network interface of the load balancers: write it like eth0.',
    ],
  },
  {
    name: "statistics on all addresses",
    config: loadBalancer({ statsAddresses: { "lb-1": "0.0.0.0" } }),
    problems: [
      'k3s-ha:loadBalancer.statsAddresses.lb-1 is "0.0.0.0", but has to be an IP address of that host: write the address for its statistics.',
    ],
  },
  {
    name: "statistics on the address that clients use",
    config: loadBalancer({
      hosts: pair,
      virtualIp: { address: "198.51.100.100" },
      statsAddresses: { "lb-2": "198.51.100.100" },
    }),
    problems: [
      "k3s-ha:loadBalancer.statsAddresses.lb-2 is 198.51.100.100, the address that clients use for the API: write an address of the host that only operators reach, or remove it.",
    ],
  },
  {
    name: "statistics of a host that there isn't",
    config: loadBalancer({ statsAddresses: { "lb-11": "198.51.100.30" } }),
    problems: [
      "k3s-ha:loadBalancer.statsAddresses.lb-11 names no load balancer: rename it to lb-1, or remove it (there are lb-1).",
    ],
  },
  {
    name: "statistics on the port of the API",
    config: loadBalancer({ statsPort: 6443 }),
    problems: [
      "k3s-ha:loadBalancer.statsPort is 6443, but the Kubernetes API is offered on that port (k3s-ha:loadBalancer.port): choose another port.",
    ],
  },
  {
    name: "a load balancer's name with a scheme",
    config: loadBalancer({ names: ["https://k8s.example.com"] }),
    problems: [
      'k3s-ha:loadBalancer.names[0] is "https://k8s.example.com", but has to be a DNS name or an IP address: write it alone, without a port or a scheme.',
    ],
  },
  {
    name: "a load balancer's port out of range",
    config: loadBalancer({ port: 0 }),
    problems: [
      "k3s-ha:loadBalancer.port is 0, but has to be a whole number from 1 to 65535: write the port that the Kubernetes API is offered on.",
    ],
  },
  {
    name: "no connections",
    config: loadBalancer({ maxConnections: 0 }),
    problems: [
      "k3s-ha:loadBalancer.maxConnections is 0, but has to be a whole number from 1 to 1000000: write the number of connections that HAProxy accepts.",
    ],
  },
  {
    name: "the ports of sshd",
    config: {
      ...loadBalancer({ port: 22, statsPort: 2222, hosts: { "lb-1": host("198.51.100.30", { port: 2222 }) } }),
      ssh: { port: 22 },
    },
    problems: [
      "k3s-ha:loadBalancer.statsPort is 2222, but sshd listens on that port of k3s-ha:loadBalancer.hosts.lb-1: choose another port.",
    ],
  },
  {
    name: "a load balancer on a server, on K3s's own port",
    config: shared({ "lb-1": "server-1" }),
    problems: [
      "k3s-ha:loadBalancer.port is 6443, which K3s uses on k3s-ha:servers.server-1, where HAProxy runs too: choose another port, such as 7443.",
    ],
  },
  {
    name: "a load balancer on a server, on ports of Traefik and of the kubelet",
    config: shared({ "lb-1": "server-1" }, { port: 443, statsPort: 10250 }),
    problems: [
      "k3s-ha:loadBalancer.port is 443, which K3s uses on k3s-ha:servers.server-1, where HAProxy runs too: choose another port, such as 7443.",
      "k3s-ha:loadBalancer.statsPort is 10250, which K3s uses on k3s-ha:servers.server-1, where HAProxy runs too: choose another port, such as 8404.",
    ],
  },
  {
    name: "a load balancer on a server that does not exist",
    config: shared({ "lb-1": "server-9" }, { port: 7443 }),
    problems: [
      'k3s-ha:loadBalancer.onServers.lb-1 is "server-9", but no server has that name: write one of server-1 and server-2.',
    ],
  },
  {
    name: "two load balancers on one server",
    config: shared(
      { "lb-1": "server-1", "lb-2": "server-1" },
      { port: 7443, virtualIp: { address: "198.51.100.100" } },
    ),
    problems: [
      "k3s-ha:loadBalancer.onServers.lb-2 is server-1, and so is k3s-ha:loadBalancer.onServers.lb-1, but a host runs one HAProxy: name another server, or remove it.",
    ],
  },
  {
    name: "a load balancer on a server that has the server's name",
    config: shared({ "server-1": "server-1" }, { port: 7443 }),
    problems: [
      'k3s-ha:loadBalancer.onServers.server-1 has the name "server-1" of k3s-ha:servers.server-1 too, but every host needs its own name: rename one of them.',
    ],
  },
  {
    name: "two load balancers on servers without an address that they share",
    config: shared({ "lb-1": "server-1", "lb-2": "server-2" }, { port: 7443 }),
    problems: [
      "k3s-ha:loadBalancer.virtualIp is missing, but k3s-ha:loadBalancer.hosts has 2 hosts, which need a shared address for clients: add a free address of their network, like {address: 203.0.113.35}, or keep one host.",
    ],
  },
  {
    name: "the datastore's port for HAProxy on the datastore's server",
    config: {
      ...shared({ "lb-1": "server-1" }, { port: 3306 }),
      datastore: { managed: { name: "db-1", onServer: "server-1" } },
    },
    problems: [
      "k3s-ha:loadBalancer.port is 3306, but MariaDB listens on that port of k3s-ha:servers.server-1, where HAProxy runs too: choose another port.",
    ],
  },
  {
    name: "a datastore on a server, on K3s's port, and with a host of its own",
    config: managed({ onServer: "server-2", port: 6444 }),
    problems: [
      "k3s-ha:datastore.managed.port is 6444, which K3s uses on k3s-ha:servers.server-2, where MariaDB runs too: choose another port, such as 3306.",
      "k3s-ha:datastore.managed.onServer is set, and so is k3s-ha:datastore.managed.host, but MariaDB runs on one host: remove one of the two.",
    ],
  },
  {
    name: "a PostgreSQL on a server",
    config: {
      ...smallStack,
      datastore: { managed: { engine: "postgres", name: "db-1", onServer: "server-1" } },
    },
    problems: [
      "k3s-ha:datastore.managed.onServer is set, but only MariaDB shares the host of a server: describe another host in datastore.managed.host.",
    ],
  },
  {
    name: "a datastore on a server that does not exist",
    config: { ...smallStack, datastore: { managed: { name: "db-1", onServer: "agent-1" } } },
    problems: [
      'k3s-ha:datastore.managed.onServer is "agent-1", but no server has that name: write one of server-1 and server-2.',
    ],
  },
  {
    name: "a load balancer on a server beside an external one",
    config: external({ address: "k8s.example.com" }, { onServers: { "lb-1": "server-1" }, port: 7443 }),
    problems: [
      "k3s-ha:loadBalancer.external is set, but so is k3s-ha:loadBalancer.onServers, and nodes and clients know one address: keep the hosts that run HAProxy, or the load balancer that this program does not run.",
    ],
  },
  {
    name: "hosts that run HAProxy beside an external load balancer",
    config: loadBalancer({ external: { address: "k8s.example.com" } }),
    problems: [
      "k3s-ha:loadBalancer.external is set, but so is k3s-ha:loadBalancer.hosts, and nodes and clients know one address: keep the hosts that run HAProxy, or the load balancer that this program does not run.",
    ],
  },
  {
    name: "settings of HAProxy with an external load balancer",
    config: external(
      { address: "k8s.example.com" },
      { port: 443, statsPort: 9404, statsAddresses: { "lb-1": "192.0.2.30" }, idleSeconds: 60, maxConnections: 10 },
    ),
    problems: [
      "k3s-ha:loadBalancer.port is a setting of the hosts that run HAProxy, of which there are none with k3s-ha:loadBalancer.external: write the port as k3s-ha:loadBalancer.external.port.",
      "k3s-ha:loadBalancer.maxConnections is a setting of the hosts that run HAProxy, of which there are none with k3s-ha:loadBalancer.external: remove it.",
      "k3s-ha:loadBalancer.idleSeconds is a setting of the hosts that run HAProxy, of which there are none with k3s-ha:loadBalancer.external: remove it.",
      "k3s-ha:loadBalancer.statsAddresses is a setting of the hosts that run HAProxy, of which there are none with k3s-ha:loadBalancer.external: remove it.",
      "k3s-ha:loadBalancer.statsPort is a setting of the hosts that run HAProxy, of which there are none with k3s-ha:loadBalancer.external: remove it.",
    ],
  },
  {
    name: "a virtual IP with an external load balancer",
    config: external({ address: "k8s.example.com" }, { virtualIp: { address: "198.51.100.100" } }),
    problems: [
      "k3s-ha:loadBalancer.virtualIp is a setting of the hosts that run HAProxy, of which there are none with k3s-ha:loadBalancer.external: remove it.",
    ],
  },
  {
    name: "rotations of a certificate that an external load balancer does not have",
    config: external({ address: "k8s.example.com" }, { certificateRotation: "2027", certificateHours: 24 }),
    problems: [
      "k3s-ha:loadBalancer.certificateRotation is a setting of the hosts that run HAProxy, of which there are none with k3s-ha:loadBalancer.external: remove it.",
      "k3s-ha:loadBalancer.certificateHours is a setting of the hosts that run HAProxy, of which there are none with k3s-ha:loadBalancer.external: remove it.",
    ],
  },
  {
    name: "a server as the external load balancer",
    config: external({ address: "198.51.100.11" }),
    problems: [
      "k3s-ha:loadBalancer.external.address is 198.51.100.11, which is the address of k3s-ha:servers.server-1: write the address of the load balancer, or list hosts that run HAProxy in k3s-ha:loadBalancer.hosts.",
    ],
  },
  {
    name: "an external load balancer that is every host itself",
    config: external({ address: "127.0.0.1" }),
    problems: [
      "k3s-ha:loadBalancer.external.address is 127.0.0.1, which leads every node to itself: write the address at which nodes and clients reach it.",
    ],
  },
  {
    name: "an external load balancer among the addresses of pods",
    config: external({ address: "10.42.0.9" }),
    problems: [
      "k3s-ha:loadBalancer.external.address is 10.42.0.9, which is in 10.42.0.0/16, K3s's network for pods: write the address at which nodes and clients reach the load balancer.",
    ],
  },
  {
    name: "an external load balancer with a scheme, on no port, whose checks take too long",
    config: external({ address: "https://k8s.example.com", port: 0, checkSeconds: 61 }),
    problems: [
      'k3s-ha:loadBalancer.external.address is "https://k8s.example.com", but has to be an IP address or a DNS name: write it alone, without a user, a port or a scheme.',
      "k3s-ha:loadBalancer.external.port is 0, but has to be a whole number from 1 to 65535: write the port that the load balancer offers the Kubernetes API on.",
      "k3s-ha:loadBalancer.external.checkSeconds is 61, but has to be a whole number from 1 to 60: write the seconds after which its health checks have seen that a server leaves.",
    ],
  },
  {
    name: "an external load balancer without an address",
    config: external({}),
    problems: [
      "k3s-ha:loadBalancer.external.address is missing and has to be an IP address or a DNS name: write it alone, without a user, a port or a scheme.",
    ],
  },
  {
    name: "a time that HAProxy cannot count",
    config: loadBalancer({ idleSeconds: 2_147_484 }),
    problems: [
      "k3s-ha:loadBalancer.idleSeconds is 2147484, but has to be a whole number from 1 to 2147483: write the seconds that a connection may be idle.",
    ],
  },
]);
