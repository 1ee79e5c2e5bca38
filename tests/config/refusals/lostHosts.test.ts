import { hostKey, smallStack } from "../stack.ts";
import { refuses } from "./refusal.ts";

const host = (last: number) => ({ address: `198.51.100.${last}`, hostKey, lost: true });

refuses("lost hosts", [
  {
    name: "no server that lives",
    config: { ...smallStack, servers: { "server-1": host(11), "server-2": host(12) } },
    problems: [
      "k3s-ha:servers has only lost servers, but a living server has to remove the nodes of lost hosts: add a new server under another name, which takes the cluster over from the datastore.",
    ],
  },
  {
    name: "no load balancer that lives",
    config: { ...smallStack, loadBalancer: { hosts: { "lb-1": host(30) } } },
    problems: [
      "k3s-ha:loadBalancer.hosts has only lost hosts, but nodes and clients reach the servers through a load balancer: replace one of them by a new host with its address, and remove its lost: true.",
    ],
  },
  {
    name: "a database that is lost",
    config: { ...smallStack, datastore: { managed: { name: "db-1", host: host(20) } } },
    problems: [
      "k3s-ha:datastore.managed.host.lost is true, but this host holds the cluster's whole state: replace it by a new host, remove lost: true, and restore a backup on it.",
    ],
  },
  {
    name: "a loss that is not sure",
    config: { ...smallStack, servers: { "server-1": { ...host(11), lost: "maybe" } } },
    problems: [
      'k3s-ha:servers.server-1.lost is "maybe", but has to be true or false: write true only for a host that is lost permanently.',
    ],
  },
]);
