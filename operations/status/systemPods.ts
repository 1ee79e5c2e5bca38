/** The pods of Kubernetes and K3s themselves, in the namespace kube-system: which of them do not run, and why. */

/** A pod that neither runs with all of its containers nor has done its work. */
export interface PodFact {
  readonly name: string;
  /** Empty while it has none. */
  readonly node: string;
  /** kubectl's word, such as "ImagePullBackOff" or "ContainerCreating". */
  readonly state: string;
  /** Its age in kubectl's form, such as "3m12s". */
  readonly age: string;
  /** The first warning about it, as "reason: message"; empty when there is none. */
  readonly reason: string;
}

/** Seconds that a pod may take to start before it is reported: longer than the download of a small image. */
export const podStartSeconds = 60;

/** This many pods are reported one by one. */
const toldPods = 5;

/** Longest part of a message that is told, in characters: containerd's repeat themselves. */
const messageLength = 300;

/** Reads the rows of the API's tables of pods and of events, each a JSON array. */
export function parseSystemPods(pods: readonly string[], events: readonly string[]): PodFact[] {
  const warnings = events.map((row) => {
    // Last seen, type, reason, object, subobject, source, message.
    const [, , reason = "", object = "", , , message = ""] = cellsOf(row);
    return { object, isFirstHand: reason !== "BackOff", text: `${reason}: ${message.slice(0, messageLength)}` };
  });
  return pods.map((row) => {
    // Name, ready, status, restarts, age, IP address, node.
    const [name = "", , state = "", , age = "", , node = ""] = cellsOf(row);
    const about = warnings.filter(({ object }) => object === `pod/${name}`);
    const reason = (about.find(({ isFirstHand }) => isFirstHand) ?? about[0])?.text ?? "";
    return { name, node: node === "<none>" ? "" : node, state, age, reason };
  });
}

function cellsOf(row: string): string[] {
  return (JSON.parse(row) as unknown[]).map(String);
}

/** A sentence for each pod that should run by now; of a node that does not work nothing is said, since that is told. */
export function systemPodProblems(pods: readonly PodFact[], works: (node: string) => boolean): string[] {
  const stuck = pods.filter(
    ({ node, age, state }) =>
      secondsOf(age) > podStartSeconds && state !== "Terminating" && (node === "" || works(node)),
  );
  const more = stuck.length - toldPods;
  return [
    ...stuck.slice(0, toldPods).map(sentenceOf),
    ...(more > 0
      ? [
          `${more} more system ${more === 1 ? "pod does" : "pods do"} not run. See "kubectl --namespace kube-system get pods --output wide".`,
        ]
      : []),
  ];
}

function sentenceOf({ name, node, state, reason }: PodFact): string {
  const place = node === "" ? "has no node" : `does not run on ${node}`;
  const why = reason === "" ? state : `${state}, ${reason}`;
  const remedy = /image/i.test(`${state} ${reason}`)
    ? "Check that the node reaches the registry, or set k3s-ha:k3s.registries or k3s-ha:k3s.images"
    : "Correct the cause";
  return `The system pod ${name} ${place} (${why}). ${remedy}; see "kubectl --namespace kube-system describe pod ${name}".`;
}

/** Seconds of an age as kubectl writes it: "45s", "3m12s", "5h", "2d3h". One that is none is taken for long. */
function secondsOf(age: string): number {
  const units: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, y: 31_536_000 };
  const parts = [...age.matchAll(/(\d+)([smhdy])/g)];
  return parts.length === 0
    ? Infinity
    : parts.reduce((sum, [, count = "0", unit = "s"]) => sum + Number(count) * (units[unit] ?? 1), 0);
}
