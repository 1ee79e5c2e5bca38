// Proves, with flannel's network interfaces, routes and pings made up by the test, which node each node asks, and what becomes of
// the answer.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { renderHostScript } from "../../components/host/hostScript.ts";
import { k3sScripts } from "../../components/k3s/scripts.ts";
import { parsePodTraffic } from "../../operations/status/podTraffic.ts";
import { bashOutput } from "../support/bash.ts";
import { definitionsOf } from "../support/hostFiles.ts";

interface Network {
  links?: string;
  /** The node's own address. */
  own?: string;
  /** What `ping` does; its arguments are "$*". */
  ping?: string;
}

/** The report of a node of 12 on the next one. */
async function told({ links = "flannel.1", own = "10.42.2.0", ping = "true" }: Network = {}) {
  const programs = `
has_link() { [[ " ${links} " == *" $1 "* ]]; }
link_mtu() { echo 1450; }
ip() {
  case "$*" in
    "-details -oneline link show dev flannel.1") echo '9: flannel.1: <UP> mtu 1450 vxlan id 1 local 198.51.100.12 dev eth0 srcport 0 0 dstport 8472 nolearning' ;;
    "-4 -oneline address show dev "*) echo '9: flannel.1    inet ${own}/32 scope global flannel.1' ;;
    "-6 -oneline address show dev "*) echo '9: flannel-v6.1    inet6 fd42:0:0:2::/128 scope global' ;;
    "-4 -oneline route show dev "*) for n in 10 9 1 2 0; do [[ 10.42.$n.0 == ${own} ]] || echo "10.42.$n.0/24 via 10.42.$n.0 onlink"; done ;;
    "-6 -oneline route show dev "*) printf '%s\\n' 'fd42:0:0:1::/64 via fd42:0:0:1:: metric 1024' 'fe80::/64 proto kernel' ;;
    "-4 neighbour show 10.42.9.0 dev flannel.1") echo '10.42.9.0 lladdr 02:00:00:00:00:09 PERMANENT' ;;
  esac
}
bridge() { printf '%s\\n' '02:00:00:00:00:01 dst 198.51.100.11 self permanent' '02:00:00:00:00:09 dst 198.51.100.49 self permanent'; }
ping() { ${ping}; }
`;
  const script = renderHostScript({ body: k3sScripts.podTraffic, variables: {} });
  const output = await bashOutput(`${definitionsOf(script)}${programs}tell_pod_traffic\n`);
  return parsePodTraffic(output.split("\n").map((line) => line.split("\t")));
}

const next = {
  link: "flannel.1",
  port: 8472,
  podAddress: "10.42.9.0",
  hostAddress: "198.51.100.49",
  mtu: 1450,
  answer: "ok",
};

describe("the traffic of pods", () => {
  it("is tried to the next node alone, so that a cluster is a ring", async () => {
    assert.deepEqual(await told(), [next]);
    assert.equal((await told({ own: "10.42.10.0" }))[0]?.podAddress, "10.42.0.0");
    assert.equal((await told({ own: "10.42.1.0" }))[0]?.podAddress, "10.42.2.0");
  });

  it("is tried at each of flannel's network interfaces, and at none where another network is", async () => {
    assert.deepEqual(await told({ links: "" }), []);
    assert.deepEqual(
      (await told({ links: "flannel-wg flannel-v6.1" })).map(({ link, port, podAddress }) => [link, port, podAddress]),
      [
        ["flannel-v6.1", 8472, "fd42:0:0:1::"],
        ["flannel-wg", 51820, "10.42.9.0"],
      ],
    );
  });

  it("is silent when no ping is answered, and is asked for three times", async () => {
    assert.deepEqual(await told({ ping: "false" }), [{ ...next, answer: "silent" }]);
    const second = 'local n; n=$(cat "$counter" 2>/dev/null || echo 0); echo $((n + 1)) >"$counter"; ((n > 0))';
    assert.deepEqual(await told({ ping: `counter=/tmp/k3s-ha-ping-$$; ${second}` }), [next]);
  });

  it("is small when only small packets are answered", async () => {
    assert.deepEqual(await told({ ping: '[[ "$*" != *" -s 1422 "* ]]' }), [{ ...next, answer: "small" }]);
  });
});
