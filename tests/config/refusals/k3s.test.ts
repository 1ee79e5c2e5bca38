import { join } from "node:path";
import { host, k3s, managed, servers, refuses } from "./refusal.ts";

refuses("K3s", [
  {
    name: "a version without +k3s",
    config: k3s({ version: "v1.35.0" }),
    problems: [
      'k3s-ha:k3s.version is "v1.35.0", but has to be a K3s release with +k3s: write K3s\'s own number too, such as v1.35.0+k3s1.',
    ],
  },
  {
    name: "a version without v",
    config: k3s({ version: "1.35.0+k3s1" }),
    problems: [
      'k3s-ha:k3s.version is "1.35.0+k3s1", but has to be a K3s release, which begins with "v": write it like v1.35.0+k3s1.',
    ],
  },
  {
    name: "a channel instead of a version",
    config: k3s({ version: "stable" }),
    problems: ['k3s-ha:k3s.version is "stable", but has to be one fixed K3s release: write it like v1.35.0+k3s1.'],
  },
  {
    name: "a mirror that ends in a slash",
    config: k3s({ mirror: "https://mirror.example.com/k3s/" }),
    problems: [
      'k3s-ha:k3s.mirror is "https://mirror.example.com/k3s/", but has to end without a slash, because /<version>/k3s is appended: remove the slash.',
    ],
  },
  {
    name: "a mirror that is no URL",
    config: k3s({ mirror: "mirror.example.com" }),
    problems: [
      'k3s-ha:k3s.mirror is "mirror.example.com", but has to be an http or https URL: write it like https://mirror.example.com/k3s.',
    ],
  },
  {
    name: "a mirror with a login, without showing it",
    config: k3s({ mirror: "https://me:hunter2@mirror.example.com" }),
    problems: [
      "k3s-ha:k3s.mirror is a value that may be secret and is not shown, but has to be a URL without a login, because the hosts store it in plain text: use a mirror that needs none.",
    ],
  },
  {
    name: "a mirror with a query",
    config: k3s({ mirror: "https://mirror.example.com?x=1" }),
    problems: [
      'k3s-ha:k3s.mirror is "https://mirror.example.com?x=1", but has to be a URL without a query or a fragment: remove them.',
    ],
  },
  {
    name: "a short sha256",
    config: k3s({ sha256: "abc" }),
    problems: [
      'k3s-ha:k3s.sha256 is "abc", but has to be a sha256 of 64 digits and letters a to f: copy it from the release\'s list of checksums, such as sha256sum-amd64.txt; for hosts of both architectures write {amd64: 0123…, arm64: 4567…}.',
    ],
  },
  {
    name: "a sha256 for an architecture that K3s is not released for",
    config: k3s({ sha256: { riscv64: "a".repeat(64) } }),
    problems: [
      `k3s-ha:k3s.sha256 is {"riscv64":"${"a".repeat(64)}"}, but has to be a sha256 of 64 digits and letters a to f: copy it from the release's list of checksums, such as sha256sum-amd64.txt; for hosts of both architectures write {amd64: 0123…, arm64: 4567…}.`,
    ],
  },
  {
    name: "images for an architecture that K3s is not released for",
    config: k3s({ images: [{ source: "/srv/images.tar", sha256: "a".repeat(64), architecture: "x86_64" }] }),
    problems: [
      'k3s-ha:k3s.images[0].architecture is "x86_64", but has to be amd64 or arm64: write the architecture of the images.',
    ],
  },
  {
    name: "a network of one's own beside flannel",
    config: k3s({ network: "own", serverConfig: { "flannel-backend": "wireguard-native" } }),
    problems: [
      'k3s-ha:k3s.serverConfig.flannel-backend is "wireguard-native", but k3s-ha:k3s.network is own, so K3s runs no flannel: remove one of them.',
    ],
  },
  {
    name: "a network by the name of a plugin",
    config: k3s({ network: "cilium" }),
    problems: [
      'k3s-ha:k3s.network is "cilium", but has to be flannel or own: write own for a network plugin that you install.',
    ],
  },
  {
    name: "a manifest that does not exist",
    config: k3s({ manifests: ["cilium.yaml"] }),
    problems: [
      'k3s-ha:k3s.manifests[0] is "cilium.yaml" (/nowhere/cilium.yaml), a file that does not exist: create it or correct the path.',
    ],
  },
  {
    name: "a manifest that is not a Kubernetes object",
    config: k3s({ manifests: ["package.json"] }),
    machine: { projectDirectory: join(import.meta.dirname, "../../..") },
    problems: [
      `k3s-ha:k3s.manifests[0] is "package.json" (${join(import.meta.dirname, "../../../package.json")}), a file whose document 1 is no Kubernetes object: give it an apiVersion and a kind.`,
    ],
  },
  {
    name: "networks for services and pods that are larger than Kubernetes accepts",
    config: k3s({ serverConfig: { "service-cidr": "10.0.0.0/8", "cluster-cidr": "160.0.0.0/6" } }),
    problems: [
      "k3s-ha:k3s.serverConfig.cluster-cidr has 160.0.0.0/6, but Kubernetes accepts no network for pods larger than /8: write /8 or a longer prefix.",
      "k3s-ha:k3s.serverConfig.service-cidr has 10.0.0.0/8, but Kubernetes accepts no network for services larger than /12: write /12 or a longer prefix.",
    ],
  },
  {
    name: "a network for pods that is smaller than that of one node",
    config: k3s({ serverConfig: { "cluster-cidr": "10.42.0.0/25" } }),
    problems: [
      "k3s-ha:k3s.serverConfig.cluster-cidr has 10.42.0.0/25, which is smaller than the /24 that each node gets: write /16 or a shorter prefix.",
    ],
  },
  {
    name: "a network for pods without room for all nodes",
    config: k3s({ serverConfig: { "cluster-cidr": "10.42.0.0/24" } }),
    problems: [
      "k3s-ha:k3s.serverConfig.cluster-cidr has 10.42.0.0/24, which has room for 1 node with a /24 each, but there are 2: write a shorter prefix.",
    ],
  },
  {
    name: "no time to get ready",
    config: k3s({ readySeconds: 0 }),
    problems: [
      "k3s-ha:k3s.readySeconds is 0, but has to be a whole number from 1 to 3600: write the seconds for a node to become ready.",
    ],
  },
  {
    name: "a token in serverConfig",
    config: k3s({ serverConfig: { token: "hunter2" } }),
    problems: [
      "k3s-ha:k3s.serverConfig.token cannot be set here, since this program generates it and keeps it secret: remove it.",
    ],
  },
  {
    name: "names of the API in serverConfig",
    config: k3s({ serverConfig: { "tls-san+": ["k8s.example.com"] } }),
    problems: [
      'k3s-ha:k3s.serverConfig["tls-san+"] cannot be set here, since this program sets the load balancer\'s addresses and names there: remove it, and add names to k3s-ha:loadBalancer.names.',
    ],
  },
  {
    name: "a datastore in serverConfig",
    config: k3s({ serverConfig: { "datastore-endpoint": "mysql://a:hunter2@tcp(b)/c" } }),
    problems: [
      "k3s-ha:k3s.serverConfig.datastore-endpoint cannot be set here, since this program derives it from k3s-ha:datastore: remove it, and change that.",
    ],
  },
  {
    name: "etcd in serverConfig",
    config: k3s({ serverConfig: { "etcd-snapshot-retention": 3 } }),
    problems: [
      "k3s-ha:k3s.serverConfig.etcd-snapshot-retention cannot be set here, since this program decides from k3s-ha:datastore whether K3s runs an etcd, and how: remove it.",
    ],
  },
  {
    name: "an API that the proof of readiness and HAProxy would not reach",
    config: k3s({ serverConfig: { "bind-address": "198.51.100.11" } }),
    problems: [
      "k3s-ha:k3s.serverConfig.bind-address makes the server's API answer at one address, but readiness is checked at 127.0.0.1, and HAProxy connects to the node address: remove it, and use a firewall to close port 6443 to others.",
    ],
  },
  {
    name: "a flag with its dashes",
    config: k3s({ serverConfig: { "--disable": "traefik" } }),
    problems: [
      'k3s-ha:k3s.serverConfig.--disable is not a setting of K3s: write the name of a flag of "k3s server" without its dashes, such as node-external-ip.',
    ],
  },
  {
    name: "a setting of K3s that is a map",
    config: k3s({ serverConfig: { disable: { traefik: true } } }),
    problems: [
      'k3s-ha:k3s.serverConfig.disable is {"traefik":true}, but has to be text, a number, true or false, or a list of these: K3s\'s config.yaml accepts nothing else; write it like the flag of k3s.',
    ],
  },
  {
    name: "labels in agentConfig",
    config: k3s({ agentConfig: { "node-label": ["a=b"] } }),
    problems: [
      "k3s-ha:k3s.agentConfig.node-label cannot be set here, since this program sets the pool's labels there: use k3s-ha:agentPools.<pool>.labels.",
    ],
  },
  {
    name: "a host in the network of the pods",
    config: servers({ "server-3": host("10.42.0.7") }),
    problems: [
      "k3s-ha:servers.server-3 has the node address 10.42.0.7, which is in 10.42.0.0/16, K3s's network for pods: set k3s-ha:k3s.serverConfig.cluster-cidr to a network without hosts.",
    ],
  },
  {
    name: "a host in the network of the services",
    config: managed({ host: host("10.43.9.9") }),
    problems: [
      "k3s-ha:datastore.managed.host has the node address 10.43.9.9, which is in 10.43.0.0/16, K3s's network for services: set k3s-ha:k3s.serverConfig.service-cidr to a network without hosts.",
    ],
  },
  {
    name: "hosts in a network that serverConfig chose",
    config: k3s({ serverConfig: { "cluster-cidr": "198.51.0.0/16" } }),
    problems: [
      "k3s-ha:servers.server-1 has the node address 198.51.100.11, which is in 198.51.0.0/16, K3s's network for pods: set k3s-ha:k3s.serverConfig.cluster-cidr to a network without hosts.",
      "k3s-ha:servers.server-2 has the node address 198.51.100.12, which is in 198.51.0.0/16, K3s's network for pods: set k3s-ha:k3s.serverConfig.cluster-cidr to a network without hosts.",
      "k3s-ha:loadBalancer.hosts.lb-1 has the node address 198.51.100.30, which is in 198.51.0.0/16, K3s's network for pods: set k3s-ha:k3s.serverConfig.cluster-cidr to a network without hosts.",
      "k3s-ha:datastore.managed.host has the node address 198.51.100.20, which is in 198.51.0.0/16, K3s's network for pods: set k3s-ha:k3s.serverConfig.cluster-cidr to a network without hosts.",
    ],
  },
  {
    name: "a network that is none",
    config: k3s({ serverConfig: { "cluster-cidr": "10.42.0.0" } }),
    problems: [
      'k3s-ha:k3s.serverConfig.cluster-cidr has "10.42.0.0", but each has to be a network in CIDR notation: write it like 10.42.0.0/16.',
    ],
  },
  {
    name: "services in the network of the pods",
    config: k3s({ serverConfig: { "service-cidr": "10.42.128.0/17" } }),
    problems: [
      "k3s-ha:k3s.serverConfig.service-cidr has 10.42.128.0/17, which overlaps 10.42.0.0/16, the network of the pods (cluster-cidr): choose another network for services.",
    ],
  },
  {
    name: "an IPv6 server in a cluster without IPv6",
    config: servers({ "server-3": host("2001:db8::13") }),
    problems: [
      "k3s-ha:servers.server-3 has the IPv6 node address 2001:db8::13, but the cluster's networks have no IPv6: set another nodeAddress, or set k3s-ha:k3s.serverConfig.cluster-cidr and service-cidr to IPv6 networks.",
    ],
  },
  {
    name: "a word for new certificates that is none",
    config: k3s({ certificateRotation: "24 November" }),
    problems: [
      'k3s-ha:k3s.certificateRotation is "24 November", but has to consist of letters, digits and "-": write it in quotes, such as "2026-11-24".',
    ],
  },
]);
