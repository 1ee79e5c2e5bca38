/** The events that a drill is made of, one at a time: what an operator does, and what happens to hosts at night. */
import { setTimeout as sleep } from "node:timers/promises";
import { boot, powerOff } from "../../sandbox/sandbox.ts";
import { addressOf, onHost } from "../support/sandboxCluster.ts";
import { type DrillCluster, releases } from "./cluster.ts";
import type { Random } from "./random.ts";
import type { Limit, Moment } from "./results.ts";
import { type Shape, sixHosts } from "./shape.ts";

/** What an event did, for people to read. */
export interface Happening {
  /** In a sentence. */
  happened: string;
  moments: Moment[];
  /** Milliseconds that the datastore was down. Default: 0. */
  downtime?: number;
  /** Whether a server fell with what the event is about, because it shares the host. Default: false. */
  isServerToo?: boolean;
}

export interface DrillEvent {
  name: string;
  title: string;
  limit: Limit;
  /** Name of the event that has to come before it. */
  after?: string;
  /** The other tests that hold it to the same limit on real hosts. `make test` leaves it to them. */
  alsoIn?: string;
  /** Why it does not happen on hosts of this shape; undefined if it does. Default: it happens on all. */
  leftOut?: (shape: Shape) => string | undefined;
  /** Makes it happen; returns when what it broke has been put right again, if it does not do so by itself. */
  happen(cluster: DrillCluster, random: Random): Promise<Happening>;
}

const moment = (what: string): Moment => ({ at: Date.now(), what });

/** Runs a script on a host that prints `date +%s.%N` and a word at moments worth a mark in the timeline. */
async function timed(host: string, script: string): Promise<Moment[]> {
  const printed = await onHost(host, `mark() { echo "$(date +%s.%N) $*"; }\n${script}`);
  return [...printed.matchAll(/^(\d+\.\d+) (.+)$/gm)].map(([, at, what = ""]) => ({ at: Number(at) * 1000, what }));
}

/** A change of the stack's configuration: marks its begin and its end. */
async function changing(happened: string, change: () => Promise<void>): Promise<Happening> {
  const begin = moment("up begins");
  await change();
  return { happened, moments: [begin, moment("up ends")] };
}

/** Runs `script` on the datastore's host, which prints "down" and "up" when it was; the time in between is its own. */
async function datastoreDown({ shape }: DrillCluster, happened: string, script: string): Promise<Happening> {
  const moments = await timed(shape.datastore, script);
  return { happened, moments, downtime: between(moments, "down", "up") };
}

function between(moments: readonly Moment[], from: string, to: string): number {
  const at = (word: string) => moments.find(({ what }) => what === word)?.at ?? NaN;
  return at(to) - at(from);
}

/** Cuts a host's power, and switches it on again. */
async function powerCut(host: string): Promise<Happening> {
  const moments = [moment("power cut")];
  await powerOff(host);
  await sleep(hangSeconds * 1000);
  moments.push(moment("switched on"));
  await boot(host);
  return { happened: `power cut of ${host}; switched on again after ${hangSeconds} s`, moments };
}

/** Seconds that a server hangs, or is silent, or a datastore is down. */
const hangSeconds = 6;
const downSeconds = 30;

const waitForMariadb = "until mariadb -N -e 'SELECT 1' >/dev/null 2>&1; do sleep 0.05; done; mark up";

/** The longest gap that the power cut of a server may cost, in milliseconds. */
export const serverGap = 1500;

/** Every event, as `make drill` makes them happen. */
export const drillEvents: readonly DrillEvent[] = [
  {
    name: "graceful-restart",
    title: "Graceful restart of a server",
    limit: { failed: 0 },
    async happen({ servers }, random) {
      const server = random.pick(servers);
      const moments = await timed(server, "mark restart; systemctl restart k3s; mark started");
      return { happened: `systemctl restart k3s on ${server}`, moments };
    },
  },
  {
    name: "rolling-change",
    title: "Rolling change of a setting of all servers",
    limit: { failed: 0 },
    alsoIn: "tests/sandbox/rollingChange.test.ts",
    happen: (cluster) =>
      changing("k3s.serverConfig got another kube-apiserver-arg; up", () =>
        cluster.change((config) => ({
          ...config,
          k3s: { ...(config["k3s"] as object), serverConfig: { "kube-apiserver-arg": ["event-ttl=2h"] } },
        })),
      ),
  },
  {
    name: "upgrade",
    title: "Upgrade of K3s",
    limit: { failed: 0 },
    alsoIn: "tests/sandbox/rollingChange.test.ts",
    happen: (cluster) =>
      changing(`k3s.version from ${releases[0]} to ${releases[1]}; up`, () =>
        cluster.change((config) => ({ ...config, k3s: { ...(config["k3s"] as object), version: releases[1] } })),
      ),
  },
  {
    name: "add-server",
    title: "Adding a server",
    limit: { failed: 0 },
    alsoIn: "tests/sandbox/membership.test.ts",
    happen: (cluster) => changing(`servers got ${cluster.shape.added}; up`, () => cluster.addServer()),
  },
  {
    name: "remove-server",
    title: "Removing a server",
    limit: { failed: 0 },
    after: "add-server",
    alsoIn: "tests/sandbox/membership.test.ts",
    happen: (cluster) => changing(`${cluster.shape.added} taken out of servers; up`, () => cluster.removeServer()),
  },
  {
    name: "haproxy-reload",
    title: "Reload of HAProxy",
    limit: { failed: 0 },
    async happen(cluster) {
      const holder = await cluster.holder();
      const moments = await timed(holder, "mark reload; systemctl reload haproxy plain-haproxy");
      return { happened: `systemctl reload haproxy on ${holder}, which had the virtual address`, moments };
    },
  },
  {
    name: "certificate-rotation",
    title: "Rotation of every certificate",
    limit: { failed: 0 },
    alsoIn: "tests/sandbox/balancerPair.test.ts",
    happen: (cluster) =>
      changing("certificateRotation of k3s, loadBalancer and datastore.managed got another value; up", () =>
        cluster.change((config) => {
          const { managed } = config["datastore"] as { managed: object };
          const certificateRotation = "drill";
          return {
            ...config,
            k3s: { ...(config["k3s"] as object), certificateRotation },
            loadBalancer: { ...(config["loadBalancer"] as object), certificateRotation },
            datastore: { managed: { ...managed, certificateRotation } },
          };
        }),
      ),
  },
  {
    name: "server-power-cut",
    title: "Power cut of a server",
    limit: { gap: serverGap },
    happen: async (cluster, random) => powerCut(random.pick(await cluster.serversAlone())),
  },
  {
    name: "balancer-power-cut",
    title: "Power cut of the load balancer with the virtual address",
    limit: { gap: 2000 },
    alsoIn: "tests/sandbox/balancerPair.test.ts",
    async happen(cluster) {
      const holder = await cluster.holder();
      return { ...(await powerCut(holder)), isServerToo: cluster.servers.includes(holder) };
    },
  },
  {
    name: "haproxy-killed",
    title: "HAProxy killed where the virtual address is",
    limit: { gap: 1500 },
    alsoIn: "tests/sandbox/balancerPair.test.ts",
    async happen(cluster) {
      const holder = await cluster.holder();
      const moments = await timed(
        holder,
        `mark SIGKILL; pkill -KILL -x haproxy
for i in $(seq 300); do
  if systemctl is-active --quiet haproxy && socat - UNIX-CONNECT:/run/haproxy/k3s-ha.sock <<<'show info' 2>/dev/null | grep -q ^Uptime_sec; then mark 'back by itself'; exit; fi
  sleep 0.1
done
echo 'HAProxy did not come back by itself within 30 s' >&2; systemctl status haproxy >&2; exit 1`,
      );
      return { happened: `SIGKILL to every haproxy process on ${holder}`, moments };
    },
  },
  {
    name: "datastore-restart",
    title: "Clean restart of the datastore",
    limit: { failed: 0 },
    async happen({ shape }) {
      const moments = await timed(shape.datastore, "mark restart; systemctl restart mariadb; mark restarted");
      return { happened: "systemctl restart mariadb", moments };
    },
  },
  {
    name: "datastore-down",
    title: `Datastore down for ${downSeconds} s`,
    limit: { gap: 2000 },
    happen: (cluster) =>
      datastoreDown(
        cluster,
        `systemctl stop mariadb.socket mariadb, and start after ${downSeconds} s`,
        `mark down; systemctl stop mariadb.socket mariadb; sleep ${downSeconds}; systemctl start mariadb.socket mariadb; ${waitForMariadb}`,
      ),
  },
  {
    name: "datastore-killed",
    title: "Datastore killed",
    limit: { gap: 2000 },
    happen: (cluster) =>
      datastoreDown(
        cluster,
        "SIGKILL to MariaDB; systemd starts it again",
        // The old one is dead for certain before the new one is checked.
        `pid=$(systemctl show --property MainPID --value mariadb); mark down; kill -KILL "$pid"
while kill -0 "$pid" 2>/dev/null; do sleep 0.01; done; ${waitForMariadb}`,
      ),
  },
  {
    name: "datastore-power-cut",
    title: "Power cut of the datastore's host",
    limit: { gap: 2000 },
    leftOut: (shape) =>
      shape.servers.includes(shape.datastore)
        ? undefined
        : "nothing but the datastore falls with its host, as in the events of the datastore",
    async happen({ shape }) {
      const { happened, moments } = await powerCut(shape.datastore);
      moments.push(...(await timed(shape.datastore, waitForMariadb)));
      return { happened, moments, downtime: between(moments, "power cut", "up"), isServerToo: true };
    },
  },
  {
    name: "server-hangs",
    title: "K3s of a server hangs",
    limit: { gap: 2000 },
    async happen({ servers }, random) {
      const server = random.pick(servers);
      const moments = await timed(
        server,
        `mark SIGSTOP; systemctl kill --kill-whom=main --signal=SIGSTOP k3s
sleep ${hangSeconds}; mark SIGCONT; systemctl kill --kill-whom=main --signal=SIGCONT k3s`,
      );
      return { happened: `SIGSTOP to K3s on ${server}; SIGCONT after ${hangSeconds} s`, moments };
    },
  },
  {
    name: "server-silent",
    title: "A server's network drops all packets",
    limit: { gap: 2000 },
    async happen(cluster, random) {
      const server = random.pick(await cluster.serversAlone());
      // The host does it to itself, and reverts it by itself: it cannot be reached meanwhile. Frames are dropped, not packets: keepalived
      // announces an address past the filters of packets, and a silent load balancer would draw the clients to itself.
      await onHost(
        server,
        `card=$(ip -oneline address show to ${addressOf(server)} | awk '{ sub("@.*", "", $2); print $2 }')
systemd-run --quiet --collect --unit drill-silence --setenv "card=$card" bash -c 'sleep 1
nft "add table netdev silence; add chain netdev silence in { type filter hook ingress device $card priority 0; policy drop; }
add chain netdev silence out { type filter hook egress device $card priority 0; policy drop; }"; date +%s.%N >/run/drill-silent; sleep ${hangSeconds}
nft delete table netdev silence; date +%s.%N >/run/drill-heard'`,
      );
      await sleep(hangSeconds * 1000 + 2000);
      const moments = await timed(
        server,
        `until [[ -s /run/drill-heard ]]; do sleep 0.2; done
echo "$(</run/drill-silent) silent"; echo "$(</run/drill-heard) heard again"; rm /run/drill-silent /run/drill-heard`,
      );
      return { happened: `${server} dropped every packet for ${hangSeconds} s`, moments };
    },
  },
];

/** Those of six hosts that no other test makes happen. */
export const eventsOfDrillAlone = drillEvents.filter(
  ({ alsoIn, leftOut }) => alsoIn === undefined && leftOut?.(sixHosts) === undefined,
);
