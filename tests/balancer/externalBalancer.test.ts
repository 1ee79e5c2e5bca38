// Proves what the program makes for a load balancer that it does not run, and what it says of one that does not lead to the API.
// A whole cluster behind one, the sandbox proves.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { balancerScripts } from "../../components/balancer/scripts.ts";
import { renderHostScript } from "../../components/host/hostScript.ts";
import { runBash } from "../support/bash.ts";
import { commandsOf, resourceNamed, scriptOf } from "../support/deploy.ts";
import { definitionsOf } from "../support/hostFiles.ts";
import { valueOf } from "../support/outputs.ts";
import { deployProgram, sampleConfig } from "../support/program.ts";

/** What the proof says when curl ends with `status` and prints `words`; the health port answers 200. */
async function proof(status: number, words: string): Promise<string> {
  const script = renderHostScript({
    body: balancerScripts.externalBalancer,
    variables: {
      host_name: "server-1",
      endpoint: "k8s.example.com:443",
      own_address: "10.0.0.11",
      api_port: 6443,
      health_port: 6442,
      seconds: 0,
    },
  });
  const { stderr } = await runBash(`${definitionsOf(script)}
curl() { if [[ \${*: -1} == http://* ]]; then printf 200; else printf '%s' '${words}'; return ${status}; fi; }
apply
`);
  return stderr.trimEnd();
}

const notReached = "server-1: the API is not reached through the load balancer at k8s.example.com:443 after 0 s";

describe("a load balancer that the program does not run", () => {
  it("is in certificates, agents and outputs, and has no host", async () => {
    const deployment = await deployProgram({
      ...sampleConfig,
      "k3s-ha:loadBalancer": { external: { address: "k8s.example.com", port: 443, checkSeconds: 20 } },
    });
    assert.equal(await valueOf(deployment.result.apiEndpoint), "https://k8s.example.com:443");
    assert.deepEqual(await valueOf(deployment.result.loadBalancerAddresses), {});
    assert.deepEqual(resourceNamed(deployment, "balancer").inputs, {
      address: "k8s.example.com",
      port: 443,
      checkSeconds: 20,
    });
    const names = commandsOf(deployment).map(({ name }) => name);
    assert.deepEqual(
      names.filter((each) => each.startsWith("balancer")),
      ["balancer-proof"],
    );
    const server = scriptOf(resourceNamed(deployment, "servers-server-1-service"));
    assert.match(server, /tls-san"?:\s*\[?\s*-?\s*"?k8s\.example\.com"?/);
    assert.match(server, /ExecStop=\/usr\/local\/lib\/k3s-ha\/k3s-stop lead-away 20\n/);
    assert.match(server, /ListenStream=6442\n/);
    assert.match(server, /^leave_seconds=20$/m);
  });

  it("is not waited for by a server that is alone, which leaves to no other", async () => {
    const { "server-1": only } = sampleConfig["k3s-ha:servers"];
    const deployment = await deployProgram({
      ...sampleConfig,
      "k3s-ha:servers": { "server-1": only },
      "k3s-ha:loadBalancer": { external: { address: "k8s.example.com" } },
    });
    assert.match(scriptOf(resourceNamed(deployment, "servers-server-1-service")), /^leave_seconds=0$/m);
  });

  it("is verified when the API is ready through it", async () => {
    assert.equal(await proof(0, "200"), "");
  });

  it("that does not answer is reported with the targets and the health check that it needs", async () => {
    assert.equal(
      await proof(28, "curl: (28) Connection timed out\n000"),
      `${notReached} (curl: (28) Connection timed out). Check that the servers reach it, that its targets are the servers' node addresses with port 6443, and that its health check is HTTP on port 6442, at which this server answers 200. A load balancer that cannot send a server back to itself needs a second server. Then run up again`,
    );
  });

  it("that ends TLS is reported", async () => {
    assert.equal(
      await proof(60, "curl: (60) SSL certificate problem\n000"),
      `${notReached} (curl: (60) SSL certificate problem). It shows another certificate than the servers. Have it pass TCP through instead of ending TLS. Then run up again`,
    );
    assert.equal(
      await proof(0, "401"),
      `${notReached} (HTTP status 401). It does not pass client certificates on. Have it pass TCP through instead of ending TLS. Then run up again`,
    );
  });

  it("that ends connections, as with the PROXY protocol, is reported", async () => {
    assert.equal(
      await proof(35, "curl: (35) Connection reset by peer\n000"),
      `${notReached} (curl: (35) Connection reset by peer). It ends the connection. Check that it passes TCP through without the PROXY protocol, and that its health check is HTTP on port 6442, at which this server answers 200. Then run up again`,
    );
  });

  it("whose name does not resolve is reported", async () => {
    assert.equal(
      await proof(6, "curl: (6) Could not resolve host: k8s.example.com\n000"),
      `${notReached} (curl: (6) Could not resolve host: k8s.example.com). Its name does not resolve here. Correct the name server of the hosts, or set its IP address. Then run up again`,
    );
  });
});
