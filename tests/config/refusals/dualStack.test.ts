import assert from "node:assert/strict";
import { it } from "node:test";
import { problemsOf, smallStack, type StackConfig } from "../stack.ts";
import { host, k3s, loadBalancer, refuses, servers } from "./refusal.ts";

const pods = "10.42.0.0/16,fd42::/56";
const services = "10.43.0.0/16,fd43::/112";

/** The small stack with networks of both families, and these addresses of its two servers. */
function dualStack(
  nodes: Readonly<Record<string, object>> = {
    "server-1": { secondaryNodeAddress: "2001:db8::11" },
    "server-2": { secondaryNodeAddress: "2001:db8::12" },
  },
  serverConfig: object = {},
): StackConfig {
  const own = smallStack["servers"] as Readonly<Record<string, object>>;
  const entries = Object.entries(own).map(([name, entry]) => [name, { ...entry, ...nodes[name] }]);
  const networks = { "cluster-cidr": pods, "service-cidr": services, ...serverConfig };
  return { ...k3s({ serverConfig: networks }), servers: Object.fromEntries(entries) as object };
}

it("a dual-stack cluster is accepted, with a list of networks too", () => {
  assert.deepEqual(problemsOf(dualStack()), []);
  const lists = { "cluster-cidr": pods.split(","), "service-cidr": services.split(",") };
  assert.deepEqual(problemsOf(dualStack(undefined, lists)), []);
  const sizes = { "kube-controller-manager-arg": ["node-cidr-mask-size-ipv4=25", "node-cidr-mask-size-ipv6=72"] };
  assert.deepEqual(problemsOf(dualStack(undefined, sizes)), []);
});

refuses("two families of addresses", [
  {
    name: "nodes with one address in a dual-stack cluster",
    config: dualStack({ "server-1": { secondaryNodeAddress: "2001:db8::11" } }),
    problems: [
      "k3s-ha:servers.server-2.secondaryNodeAddress is missing, but the cluster's networks are of both families, and each node needs an address of each: add the node's IPv6 address.",
    ],
  },
  {
    name: "two addresses of one family",
    config: dualStack({
      "server-1": { secondaryNodeAddress: "10.0.0.11" },
      "server-2": { secondaryNodeAddress: "2001:db8::12" },
    }),
    problems: [
      "k3s-ha:servers.server-1.secondaryNodeAddress is 10.0.0.11, an IPv4 address like the node address 198.51.100.11: write the node's IPv6 address.",
    ],
  },
  {
    name: "a second address that is a name",
    config: servers({ "server-3": host("198.51.100.13", { secondaryNodeAddress: "server-3.example.com" }) }),
    problems: [
      'k3s-ha:servers.server-3.secondaryNodeAddress is "server-3.example.com", but has to be an IP address: write the node\'s address of the other family.',
    ],
  },
  {
    name: "a second address in a cluster of one family",
    config: servers({ "server-3": host("198.51.100.13", { secondaryNodeAddress: "2001:db8::13" }) }),
    problems: [
      "k3s-ha:servers.server-3.secondaryNodeAddress is set, but the cluster's networks are IPv4 alone: remove it, or, before the cluster is created, add an IPv6 network to k3s-ha:k3s.serverConfig.cluster-cidr and service-cidr.",
    ],
  },
  {
    name: "a second address of a load balancer",
    config: loadBalancer({ hosts: { "lb-1": host("198.51.100.30", { secondaryNodeAddress: "2001:db8::30" }) } }),
    problems: [
      "k3s-ha:loadBalancer.hosts.lb-1.secondaryNodeAddress is a setting of nodes, but this is a load balancer, which runs no K3s: remove it.",
    ],
  },
  {
    name: "a second address that another node has",
    config: dualStack({
      "server-1": { secondaryNodeAddress: "2001:db8::11" },
      "server-2": { secondaryNodeAddress: "2001:db8:0::11" },
    }),
    problems: [
      "k3s-ha:servers.server-2 has the node address 2001:db8::11 of k3s-ha:servers.server-1 too, but every host needs its own node address: set another secondaryNodeAddress for one of them.",
    ],
  },
  {
    name: "a second address in the network of the pods",
    config: dualStack({
      "server-1": { secondaryNodeAddress: "fd42::11" },
      "server-2": { secondaryNodeAddress: "2001:db8::12" },
    }),
    problems: [
      "k3s-ha:servers.server-1 has the node address fd42::11, which is in fd42::/56, K3s's network for pods: set k3s-ha:k3s.serverConfig.cluster-cidr to a network without hosts.",
    ],
  },
  {
    name: "networks for pods of both families, and for services of one",
    config: dualStack(undefined, { "service-cidr": "10.43.0.0/16" }),
    problems: [
      "k3s-ha:k3s.serverConfig.service-cidr has networks of IPv4, but cluster-cidr has IPv4, IPv6, and K3s starts only with the same families in the same order: write one network for services to each for pods.",
    ],
  },
  {
    name: "networks in another order for services than for pods",
    config: dualStack(undefined, { "service-cidr": "fd43::/112,10.43.0.0/16" }),
    problems: [
      "k3s-ha:k3s.serverConfig.service-cidr has networks of IPv6, IPv4, but cluster-cidr has IPv4, IPv6, and K3s starts only with the same families in the same order: write one network for services to each for pods.",
    ],
  },
  {
    name: "two networks of one family",
    config: k3s({ serverConfig: { "cluster-cidr": "10.42.0.0/16,10.44.0.0/16" } }),
    problems: [
      "k3s-ha:k3s.serverConfig.cluster-cidr has 2 IPv4 networks, but Kubernetes takes one network of each family: keep one of them.",
    ],
  },
  {
    name: "node addresses of the family that comes second",
    config: dualStack({
      "server-1": { nodeAddress: "2001:db8::11", secondaryNodeAddress: "10.0.0.11" },
      "server-2": { secondaryNodeAddress: "2001:db8::12" },
    }),
    problems: [
      "k3s-ha:servers.server-1 has the IPv6 node address 2001:db8::11, but k3s-ha:k3s.serverConfig.cluster-cidr begins with IPv4, whose address the API server then gives out: write the IPv4 address in nodeAddress and the other one in secondaryNodeAddress, or begin cluster-cidr and service-cidr with IPv6.",
    ],
  },
  {
    name: "one size of nodes' networks for both families",
    config: dualStack(undefined, { "kube-controller-manager-arg": ["node-cidr-mask-size=25"] }),
    problems: [
      'k3s-ha:k3s.serverConfig.kube-controller-manager-arg has "node-cidr-mask-size=25", with which Kubernetes does not start with networks of both families: write node-cidr-mask-size-ipv4 or node-cidr-mask-size-ipv6.',
    ],
  },
  {
    name: "IPv6 networks of a size that Kubernetes does not start with",
    config: dualStack(undefined, {
      "cluster-cidr": "10.42.0.0/16,fd42::/40",
      "service-cidr": "10.43.0.0/16,fd43::/64",
    }),
    problems: [
      "k3s-ha:k3s.serverConfig.cluster-cidr has fd42::/40, but Kubernetes accepts no network for pods larger than /48: write /48 or a longer prefix.",
      "k3s-ha:k3s.serverConfig.service-cidr has fd43::/64, but Kubernetes accepts no network for services larger than /108: write /108 or a longer prefix.",
    ],
  },
  {
    name: "an IPv6 network for pods without room for all nodes",
    config: dualStack(undefined, { "cluster-cidr": "10.42.0.0/16,fd42::/64" }),
    problems: [
      "k3s-ha:k3s.serverConfig.cluster-cidr has fd42::/64, which has room for 1 node with a /64 each, but there are 2: write a shorter prefix.",
    ],
  },
]);
