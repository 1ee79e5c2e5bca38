// Proves, with a kubectl that says what it is told to, how a node's state is read from it.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { renderHostScript } from "../../components/host/hostScript.ts";
import { shellQuote } from "../../components/host/shell.ts";
import { k3sScripts } from "../../components/k3s/scripts.ts";
import { bashOutput } from "../support/bash.ts";
import { definitionsOf } from "../support/hostFiles.ts";

/** What `call` prints, and whether it is content, when kubectl answers and complains like this. */
function read(
  call: string,
  { answer = "", beside = "", exitCode = 0 },
  body = k3sScripts.k3sAgentNode,
): Promise<string> {
  const script = renderHostScript({
    body,
    parts: body === k3sScripts.k3sAgentNode ? [k3sScripts.k3sDrain, k3sScripts.k3sService] : [],
    variables: {
      unit: "k3s-agent",
      kubeconfig: "kubeconfig",
      node_name: "agent-1",
      api_endpoint: "https://192.0.2.1:6443",
    },
  });
  return bashOutput(`${definitionsOf(script)}
k3s() { printf '%s' ${shellQuote(answer)}; printf '%s' ${shellQuote(beside)} >&2; return ${exitCode}; }
${call}
`);
}

const debugging = 'time="2026-11-27T12:00:00Z" level=debug msg="Asset dir /var/lib/rancher/k3s/data"\n';

describe("a node's state", () => {
  const call = `if state=$(node_state); then printf 'it is %s' "$state"; else printf 'failed: %s' "$state"; fi`;

  it("is exactly kubectl's answer, also with K3s's debug output", async () => {
    const answer = "True v1.35.0+k3s1";
    for (const beside of ["", debugging]) assert.equal(await read(call, { answer, beside }), `it is ${answer}`);
  });

  it("is the reason when kubectl has no answer", async () => {
    const beside = `${debugging}Error from server (NotFound): nodes "agent-1" not found\n`;
    assert.equal(
      await read(call, { beside, exitCode: 1 }),
      'failed: Error from server (NotFound): nodes "agent-1" not found',
    );
  });
});

describe("a drain", () => {
  it("leaves a node cordoned that others cordoned, also with K3s's debug output", async () => {
    const call = `drain_seconds=60
systemctl() { :; }
write_file() { printf 'cordoned and '; }
uncordon_node() { :; }
evict_pods() { printf 'evicted'; }
make_room`;
    for (const beside of ["", debugging]) assert.equal(await read(call, { answer: "true", beside }), "evicted");
  });
});

describe("the removal of nodes", () => {
  it("begins when the API is ready, also when K3s debugs", async () => {
    const call = "sleep() { exit 1; }\nwait_for_api && printf 'ready'";
    for (const beside of ["", debugging])
      assert.equal(await read(call, { answer: "ok", beside }, k3sScripts.clusterMembers), "ready");
  });
});
