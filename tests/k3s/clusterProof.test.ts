// Proves, with an API, routes and pings made up by the test, what ends a run although all nodes are Ready.
import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { renderHostScript } from "../../components/host/hostScript.ts";
import { k3sScripts } from "../../components/k3s/scripts.ts";
import { runBash } from "../support/bash.ts";
import { definitionsOf } from "../support/hostFiles.ts";
import { inTemporaryDirectory } from "../support/temporaryDirectory.ts";

interface Cluster {
  isNew?: boolean;
  awaitsPods?: boolean;
  /** Members that were proved before; undefined for a cluster that is older than the record. */
  proved?: string;
  /** What answers for each kubelet: the name is $1. */
  kubelet?: string;
  /** What `ping` does; its arguments are "$*". */
  ping?: string;
  /** Rows of the API's tables. */
  pods?: string;
  events?: string;
}

/** What becomes of a run on server-1. */
function proved(cluster: Cluster = {}): Promise<{ exitCode: number | undefined; stderr: string; record: string }> {
  return inTemporaryDirectory(async (directory) => {
    const record = join(directory, "proved");
    await mkdir(join(directory, "net"));
    if (cluster.proved !== undefined) await writeFile(record, `${cluster.proved}\n`);
    const script = renderHostScript({
      body: k3sScripts.clusterProof,
      parts: [k3sScripts.kubeApi, k3sScripts.kubelets, k3sScripts.podTraffic, k3sScripts.systemPods],
      variables: {
        host_name: "server-1",
        members: ["server-1", "server-2", "agent-1"],
        api_port: 6443,
        k3s_tls: directory,
        is_new_cluster: String(cluster.isNew ?? true),
        awaits_pods: String(cluster.awaitsPods ?? true),
      },
    });
    const rows = (list = "") => `{"kind":"Table","columnDefinitions":[],"rows":[${list}]}`;
    const programs = `
proved_members=${record}
sleep() { SECONDS=$((SECONDS + 60)); }
has_link() { [[ $1 == flannel.1 ]]; }
link_mtu() { echo 1450; }
ip() {
  case "$*" in
    "-details "*) echo 'vxlan id 1 dstport 8472 nolearning' ;;
    "-4 -oneline route show dev flannel.1") printf '10.42.%s.0/24 via 10.42.%s.0 onlink\\n' 1 1 2 2 3 3 ;;
  esac
}
ping() { ${cluster.ping ?? "true"}; }
node_kubectl() { printf '%s\\n' 'server-1 True 10.42.0.0/24' 'server-2 True 10.42.1.0/24' 'agent-1 True 10.42.2.0/24' 'agent-2 False 10.42.3.0/24'; }
kubelet() { ${cluster.kubelet ?? "echo ok"}; }
curl() {
  local url name
  case "$*" in
    *--parallel*)
      while read -r url; do
        [[ $url == url* ]] || continue
        url=\${url#url = \\"} name=\${url%/proxy/*}
        if [[ $(kubelet "\${name##*/}") == ok ]]; then printf '200\\t%s\\n' "\${url%\\"}"; else printf '503\\t%s\\n' "\${url%\\"}"; fi
      done ;;
    */healthz) url=\${*: -1} name=\${url%/proxy/*}; kubelet "\${name##*/}" ;;
    *kube-system/pods*) cat <<'JSON'
${rows(cluster.pods)}
JSON
      ;;
    *kube-system/events*) cat <<'JSON'
${rows(cluster.events)}
JSON
      ;;
  esac
}
prove_members
prove_system_pods
`;
    const { exitCode, stderr } = await runBash(`${definitionsOf(script)}${programs}`);
    return { exitCode, stderr, record: await readFile(record, "utf8").catch(() => "") };
  });
}

const all = "server-1 server-2 agent-1\n";
const lacksKubelet = `[[ $1 == agent-1 ]] && echo '{"kind":"Status","message":"error trying to reach service: dial tcp 198.51.100.41:10250: i/o timeout","code":503}' || echo ok`;
const kubeletSentence =
  "The API of server-1 does not reach the kubelet of agent-1 (error trying to reach service: dial tcp 198.51.100.41:10250: i/o timeout), so kubectl logs and exec fail for pods there. Open port 6443/tcp of server-1 to agent-1, and port 10250/tcp of agent-1 to server-1.";
const row = (...cells: string[]) => JSON.stringify({ cells, object: null });
const pod = (name: string, ready: string, state: string, node: string) =>
  row(name, ready, state, "0", "3m", "<none>", node, "<none>", "<none>");
const pauseImage =
  'Failed to create pod sandbox: failed to get sandbox image "rancher/mirrored-pause:3.6": dial tcp: lookup registry-1.docker.io: no such host';
const event = (name: string, reason: string, message: string) =>
  row("3s", "Warning", reason, `pod/${name}`, "", "kubelet, agent-1", message, "3m", "12", `${name}.1`);

describe("the proof of a cluster", () => {
  it("is that every kubelet and every node's pods are reached, and is remembered", async () => {
    assert.deepEqual(await proved(), { exitCode: 0, stderr: "", record: all });
  });

  it("ends the run at a kubelet that the API does not reach", async () => {
    const { exitCode, stderr, record } = await proved({ kubelet: lacksKubelet });
    assert.equal(exitCode, 1);
    assert.equal(
      stderr,
      `server-1: all nodes are Ready, but they do not reach each other. ${kubeletSentence} Then run up again.\n`,
    );
    assert.equal(record, "");
  });

  it("ends the run at a node that pods' traffic does not reach, with the port", async () => {
    const { stderr } = await proved({ ping: '[[ "$*" != *10.42.2.0 ]]' });
    assert.equal(
      stderr,
      "server-1: all nodes are Ready, but they do not reach each other. Pods on server-1 do not reach pods on agent-1: 10.42.2.0 does not answer through flannel.1. Open port 8472/udp between the two hosts, in both directions, on the hosts and in the network between them. Then run up again.\n",
    );
  });

  it("ends the run at a node that only small packets reach", async () => {
    const { stderr } = await proved({ ping: '[[ "$*" != *" -s 1422 10.42.1.0" ]]' });
    assert.equal(
      stderr,
      "server-1: all nodes are Ready, but they do not reach each other. Large packets of pods on server-1 do not reach pods on server-2: 10.42.1.0 answers through flannel.1, but not to packets of 1450 bytes. The network between the two hosts carries less than their network interfaces say. Lower the MTU of the network interface with the node address on all nodes, then restart K3s on one node after the other. Then run up again.\n",
    );
  });

  it("warns of members that were proved before, and of those of a cluster that is older than the proof", async () => {
    for (const before of [{ proved: "server-1 agent-1" }, { isNew: false }]) {
      const { exitCode, stderr, record } = await proved({ kubelet: lacksKubelet, ...before });
      assert.deepEqual([exitCode, stderr, record], [0, `warning: ${kubeletSentence}\n`, all]);
    }
    assert.equal((await proved({ kubelet: lacksKubelet, isNew: false, proved: "server-1 server-2" })).exitCode, 1);
  });

  it("ends the run of a new cluster whose pods cannot run, with the node and the first reason", async () => {
    const pods = [
      pod("coredns-1", "0/1", "ContainerCreating", "agent-1"),
      pod("helm-1", "0/1", "Completed", "server-1"),
      pod("metrics-server-1", "1/1", "Running", "server-1"),
      pod("traefik-1", "0/1", "Pending", "<none>"),
    ].join(",");
    const events = [
      event("traefik-1", "FailedScheduling", "no"),
      event("coredns-1", "FailedCreatePodSandBox", pauseImage),
    ];
    const { exitCode, stderr } = await proved({ pods, events: events.join(",") });
    assert.equal(exitCode, 1);
    assert.equal(
      stderr,
      `server-1: all nodes are Ready, but pods do not run on them. The system pod coredns-1 does not run on agent-1 (ContainerCreating, FailedCreatePodSandBox: ${pauseImage}). Check that the nodes reach the registry, or set k3s-ha:k3s.registries or k3s-ha:k3s.images; then run up again.\n`,
    );
    for (const other of [{ isNew: false }, { awaitsPods: false }]) {
      assert.deepEqual(await proved({ pods, events: events.join(","), ...other }), {
        exitCode: 0,
        stderr: "",
        record: all,
      });
    }
  });

  it("warns of a pod of a new cluster that has its image and does not run", async () => {
    const { exitCode, stderr } = await proved({ pods: pod("coredns-1", "0/1", "CrashLoopBackOff", "agent-1") });
    assert.deepEqual(
      [exitCode, stderr],
      [0, "warning: The system pod coredns-1 does not run on agent-1 (CrashLoopBackOff).\n"],
    );
  });
});
