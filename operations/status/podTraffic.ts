/** Whether the traffic of pods gets from node to node, and the API to the kubelets. */

/** The result of a ping from a node to the next one, through flannel's network interface. */
export interface PodTrafficFact {
  /** Flannel's network interface, such as "flannel.1". */
  readonly link: string;
  /** UDP port that its packets go to. */
  readonly port: number;
  /** The other node's address at it. */
  readonly podAddress: string;
  /** Address of the other node's host; empty where only WireGuard knows it. */
  readonly hostAddress: string;
  /** Bytes that a packet of pods may have. */
  readonly mtu: number;
  /** "small": only small packets arrive. */
  readonly answer: "ok" | "silent" | "small";
}

/** A kubelet that a server's API does not reach. */
export interface KubeletFault {
  readonly node: string;
  readonly reason: string;
}

/** Reads the lines that `tell_pod_traffic` prints. */
export function parsePodTraffic(lines: readonly (readonly string[])[]): PodTrafficFact[] {
  return lines.flatMap(([link = "", port, podAddress = "", hostAddress = "", mtu, answer]) =>
    answer === "ok" || answer === "silent" || answer === "small"
      ? [{ link, port: Number(port), podAddress, hostAddress, mtu: Number(mtu), answer }]
      : [],
  );
}

/**
 * A sentence for each pair of nodes whose pods do not reach each other.
 *
 * @param peerOf the name of the other node; undefined for one that is not reported, because it is down.
 */
export function podTrafficProblems(
  name: string,
  traffic: readonly PodTrafficFact[],
  peerOf: (traffic: PodTrafficFact) => string | undefined,
): string[] {
  return traffic.flatMap((fact) => {
    const { link, port, podAddress, hostAddress, mtu, answer } = fact;
    if (answer === "ok") return [];
    const peer = hostAddress === "" ? `the node that has ${podAddress}` : peerOf(fact);
    if (peer === undefined) return [];
    return [
      answer === "silent"
        ? `Pods on ${name} do not reach pods on ${peer}: ${podAddress} does not answer through ${link}. Open port ${port}/udp between the two hosts, in both directions, on the hosts and in the network between them.`
        : `Large packets of pods on ${name} do not reach pods on ${peer}: ${podAddress} answers through ${link}, but not to packets of ${mtu} bytes. The network between the two hosts carries less than their network interfaces say. Lower the MTU of the network interface with the node address on all nodes, then restart K3s on one node after the other.`,
    ];
  });
}

/** A sentence for each kubelet that a server's API does not reach. */
export function kubeletProblems(
  server: string,
  faults: readonly KubeletFault[],
  works: (node: string) => boolean,
): string[] {
  return faults
    .filter(({ node }) => works(node))
    .map(
      ({ node, reason }) =>
        `The API of ${server} does not reach the kubelet of ${node} (${reason}), so kubectl logs and exec fail for pods there. Open port 6443/tcp of ${server} to ${node}, and port 10250/tcp of ${node} to ${server}.`,
    );
}
