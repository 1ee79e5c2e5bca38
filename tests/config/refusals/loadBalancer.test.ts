import { host, loadBalancer, refuses } from "./refusal.ts";

refuses("the load balancer", [
  {
    name: "the load balancer on a server's port 6443",
    config: loadBalancer({ hosts: { "lb-1": host("198.51.100.11") } }),
    problems: [
      "k3s-ha:loadBalancer.hosts.lb-1 is the host of k3s-ha:servers.server-1, where K3s itself listens on port 6443: run HAProxy on a host of its own.",
    ],
  },
  {
    name: "the load balancer on a server, on another port",
    config: loadBalancer({ hosts: { "lb-1": host("198.51.100.11") }, port: 443 }),
    problems: [
      "k3s-ha:loadBalancer.hosts.lb-1 has the address 198.51.100.11 and SSH port 22 of k3s-ha:servers.server-1 too, but every role needs a host of its own: correct one of the addresses, or remove one of the hosts.",
    ],
  },
  {
    name: "no load balancer host",
    config: loadBalancer({ hosts: {} }),
    problems: [
      "k3s-ha:loadBalancer.hosts has no host: add the one that runs HAProxy, like lb-1: {address: 203.0.113.30}.",
    ],
  },
  {
    name: "two load balancer hosts",
    config: loadBalancer({ hosts: { "lb-1": host("198.51.100.30"), "lb-2": host("198.51.100.31") } }),
    problems: [
      "k3s-ha:loadBalancer.hosts has 2 hosts, but this version runs HAProxy on exactly one: keep one of them.",
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
      "k3s-ha:loadBalancer.maxConnections is 0, but has to be a whole number from 1 to 1000000: write how many connections HAProxy may take.",
    ],
  },
]);
