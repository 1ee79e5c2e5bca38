/**
 * The product's main job on real hosts: one `up`, and what the hosts say of it. Nothing here believes the program's
 * own word where a host can be asked.
 */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { kubectl as runKubectl } from "../../operations/kubectl.ts";
import { helloPods } from "../../sandbox/helloPods.ts";
import { testImage } from "../../sandbox/k3s/images.ts";
import { down, exec, up } from "../../sandbox/sandbox.ts";
import { pulumiDirectory } from "../../sandbox/sandboxWorkspace.ts";
import { eventually } from "../support/eventually.ts";
import { endpointOf } from "../support/probe.ts";
import { sampleArguments } from "../support/processArguments.ts";
import {
  addressOf,
  devConfig,
  kubectl,
  onHost,
  readyNodes,
  SandboxStack,
  type StackConfig,
} from "../support/sandboxCluster.ts";
import { secretNeedles } from "../support/secretValues.ts";

const version = "v1.35.0+k3s1";
const hosts = ["db-1", "lb-1", "server-1", "server-2", "agent-1"] as const;
const nodes = ["server-1", "server-2", "agent-1"] as const;
/** A public network interface beside that of the node address. It has the default route, which ends there. */
const publicInterface = `ip link add public0 type veth peer name public1
ip link set public0 up
ip link set public1 up
ip address add 203.0.113.2/24 dev public0
ip route replace default via 203.0.113.1 dev public0`;
const allReady = [`agent-1 ${version}`, `server-1 ${version}`, `server-2 ${version}`];

let config: StackConfig;
let stack: SandboxStack;
let kubeconfig: string;
let upOutput: string;
let argumentsSeen: ReadonlySet<string>;
/** What Pulumi printed of a change that a server fails on. */
let failing: { up: string; preview: string };
/** What an exec prints that does nothing for 90 s. */
let idle: Promise<string>;

before(async () => {
  await down();
  const start = performance.now();
  await up({ manifests: helloPods });
  for (const node of nodes) await onHost(node, publicInterface);
  config = await devConfig();
  stack = await SandboxStack.open("dev", config);
  const { result, seen } = await sampleArguments(() => stack.mustUp());
  upOutput = result;
  argumentsSeen = seen;
  console.log(
    `from no hosts to a cluster with a verified backup: ${((performance.now() - start) / 1000).toFixed(1)} s`,
  );
  kubeconfig = await stack.kubeconfig();
});

after(() => down());

describe("the cluster", () => {
  test("has two servers and an agent Ready, asked through the load balancer", async () => {
    assert.equal(endpointOf(kubeconfig).server, `https://${addressOf("lb-1")}:6443`);
    assert.deepEqual(await readyNodes(kubeconfig), allReady);
  });

  test("carries pods' traffic over the network interface of the node address, though another has the default route", async () => {
    for (const node of nodes) {
      assert.match(await onHost(node, "ip route show default"), /dev public0/);
      const own = (await onHost(node, `ip -oneline address show to ${addressOf(node)}`)).split(/\s+/)[1]?.split("@")[0];
      const flannel = / dev (\S+)/.exec(await onHost(node, "ip -details -oneline link show flannel.1"))?.[1];
      assert.equal(flannel, own, node);
    }
  });

  test("runs the sandbox's pod on every node", async () => {
    const nodes = await kubectl(kubeconfig, [
      ...["rollout", "status", "daemonset/hello", "--namespace", "sandbox", "--timeout", "90s"],
    ]);
    assert.match(nodes, /successfully rolled out/);
    const running = await kubectl(kubeconfig, [
      ...["get", "pods", "--namespace", "sandbox", "--field-selector", "status.phase=Running"],
      ...["--output", "jsonpath={.items[*].spec.nodeName}"],
    ]);
    assert.deepEqual(running.split(" ").toSorted(), ["agent-1", "server-1", "server-2"]);
  });

  test("runs a pod on the agent; logs -f and exec work through the load balancer", async () => {
    const pod = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "talker" },
      spec: {
        nodeName: "agent-1",
        terminationGracePeriodSeconds: 0,
        containers: [
          {
            name: "talker",
            image: testImage,
            imagePullPolicy: "Never",
            command: ["sh", "-c", "i=0; while true; do echo line $i; i=$((i+1)); sleep 1; done"],
          },
        ],
      },
    };
    await kubectl(kubeconfig, ["apply", "--filename", "-"], JSON.stringify(pod));
    await kubectl(kubeconfig, ["wait", "pod/talker", "--for=condition=Ready", "--timeout=180s"]);
    idle = kubectl(kubeconfig, ["exec", "talker", "--", "sh", "-c", "sleep 90; echo still here"]);
    // Its success is checked later; until then a failure is not unhandled.
    idle.catch(() => undefined);
    assert.equal(await kubectl(kubeconfig, ["exec", "talker", "--", "hostname"]), "talker");
    await eventually(async () => {
      const { stdout } = await runKubectl(await stack.workspace.kubectl(), kubeconfig, ["logs", "--follow", "talker"], {
        timeout: 8000,
        reject: false,
        stdin: "ignore",
      });
      assert.match(String(stdout), /line 0\nline 1\nline 2/);
    });
  });
});

describe("wrong input stops before any host is touched", () => {
  const server = (address: string, more: object = {}) => ({ address, ...more });
  const cases: { name: string; change: (config: StackConfig) => StackConfig; says: RegExp }[] = [
    {
      name: "a host given twice",
      change: (given) => ({
        ...given,
        servers: { "server-1": server(addressOf("server-1")), "server-2": server(addressOf("server-1")) },
      }),
      says: new RegExp(`k3s-ha:servers\\.server-2.*${addressOf("server-1")}`),
    },
    {
      name: "no servers",
      change: (given) => ({ ...given, servers: {} }),
      says: /k3s-ha:servers/,
    },
    {
      name: "a malformed sha256",
      change: (given) => ({ ...given, k3s: { ...(given["k3s"] as object), sha256: "abc" } }),
      says: /k3s-ha:k3s\.sha256.*abc.*64/s,
    },
    {
      name: "a cron expression that never fires",
      change: (given) => ({ ...given, backup: { schedule: "0 0 30 2 *" } }),
      says: /k3s-ha:backup\.schedule.*0 0 30 2 \*/,
    },
    {
      name: "an unreachable host",
      change: (given) => ({
        ...given,
        servers: {
          ...(given["servers"] as object),
          "server-3": server(addressOf("server-3"), {
            hostKey: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl",
          }),
        },
      }),
      says: new RegExp(
        `k3s-ha:servers\\.server-3 \\(${addressOf("server-3")}\\): the host cannot be reached over SSH .*Check that it is up`,
      ),
    },
    {
      name: "a wrong host key",
      change: (given) => ({
        ...given,
        servers: {
          ...(given["servers"] as object),
          "server-2": server(addressOf("server-2"), {
            hostKey: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl",
          }),
        },
      }),
      says: new RegExp(
        `k3s-ha:servers\\.server-2 \\(${addressOf("server-2")}\\): the host shows another SSH key .*ssh-keyscan`,
      ),
    },
  ];
  for (const { name, change, says } of cases) {
    test(name, async () => {
      const traces = () => Promise.all(hosts.map((host) => onHost(host, traceScript)));
      const before = await traces();
      const wrong = await SandboxStack.open("wrong", change(config));
      const { all, exitCode } = await wrong.up();
      assert.notEqual(exitCode, 0, all);
      assert.match(all, says);
      assert.deepEqual(await traces(), before);
    });
  }

  test("a DSN with tls=", async () => {
    const wrong = await SandboxStack.open("wrong", config);
    await wrong.setSecret("datastoreEndpoint", `mysql://k3s:hidden-word@tcp(${addressOf("db-1")}:3306)/k3s?tls=true`);
    const { all, exitCode } = await wrong.up();
    assert.notEqual(exitCode, 0, all);
    assert.match(all, /k3s-ha:datastoreEndpoint.*tls=/);
    assert.doesNotMatch(all, /hidden-word/);
  });
});

test("an exec that is idle for 90 s works through the load balancer", async () => {
  // It has been, through all of that, which changed nothing.
  assert.equal(await idle, "still here");
  await kubectl(kubeconfig, ["delete", "pod", "talker", "--wait=false"]);
});

describe("the datastore", () => {
  test("is used by both servers, over TLS only", async () => {
    const users = await onHost(
      "db-1",
      `mariadb -N -e "SELECT DISTINCT CONCAT(USER, '@', SUBSTRING_INDEX(HOST, ':', 1)) FROM information_schema.PROCESSLIST WHERE USER = 'k3s' ORDER BY 1"`,
    );
    assert.equal(users, `k3s@${addressOf("server-1")}\nk3s@${addressOf("server-2")}`);
    const status = await onHost(
      "db-1",
      `mariadb -N -e "SELECT VARIABLE_VALUE FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME IN ('SSL_FINISHED_ACCEPTS') UNION ALL SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE USER = 'k3s' UNION ALL SELECT @@require_secure_transport"`,
    );
    const [handshakes, connections, required] = status.split("\n").map(Number);
    assert.ok(
      (handshakes ?? 0) >= (connections ?? Infinity),
      `${handshakes ?? "?"} TLS handshakes for ${connections ?? "?"} connections`,
    );
    assert.equal(required, 1);
  });

  test("gives the K3s user six privileges on one schema, from the servers' addresses, with TLS required", async () => {
    const accounts = await onHost(
      "db-1",
      `mariadb -N -e "SELECT CONCAT(User, '@', Host, ' ', ssl_type) FROM mysql.user WHERE User LIKE 'k3s%' ORDER BY 1"`,
    );
    assert.deepEqual(accounts.split("\n"), [
      `k3s@${addressOf("server-1")} ANY`,
      `k3s@${addressOf("server-2")} ANY`,
      `k3s_backup@${addressOf("db-1")} ANY`,
    ]);
    const grants = await onHost("db-1", `mariadb -N -e "SHOW GRANTS FOR 'k3s'@'${addressOf("server-1")}'"`);
    const privileges = [...grants.matchAll(/^GRANT ([A-Z, ]+) ON (\S+) /gm)].map(
      ([, rights = "", on = ""]) => `${on}: ${rights.split(", ").sort().join(", ")}`,
    );
    assert.deepEqual(privileges, ["*.*: USAGE", "`k3s`.*: CREATE, DELETE, INDEX, INSERT, SELECT, UPDATE"]);
  });

  test("lets that user in from a server with TLS, not without TLS, and not from another host", async () => {
    const login = (host: string, options: string) =>
      exec(
        host,
        `set -e; umask 077; password=$(sed -nE 's/^datastore-endpoint: "mysql:\\/\\/k3s:([^@]+)@.*/\\1/p' /etc/rancher/k3s/config.yaml.d/90-k3s-ha-secrets.yaml)
printf '[client]\\npassword="%s"\\n' "\${password:-none}" >/root/login.cnf
timeout 5 mariadb --defaults-extra-file=/root/login.cnf --host ${addressOf("db-1")} --user k3s ${options} -N -e "SHOW STATUS LIKE 'Ssl_cipher'" k3s; code=$?; rm -f /root/login.cnf; exit $code`,
      );
    const withTls = await login("server-1", "--ssl-ca=/etc/rancher/k3s/datastore-ca.crt --ssl-verify-server-cert");
    assert.match(withTls.stdout, /Ssl_cipher\s+TLS_/, withTls.stderr);
    const withoutTls = await login("server-1", "--skip-ssl");
    assert.notEqual(withoutTls.exitCode, 0);
    assert.match(withoutTls.stderr, /Access denied|insecure transport|1045|3159/);
    // The firewall drops it, so it ends by its own time limit.
    const elsewhere = await exec("agent-1", `timeout 3 bash -c 'exec 3<>/dev/tcp/${addressOf("db-1")}/3306'`);
    assert.equal(elsewhere.exitCode, 124);
  });

  test("is refused by K3s when its certificate names another address", async () => {
    const key = secretTextOf(await stack.exported(), "datastore-ca-key", "privateKeyPem");
    const tls = "/etc/mysql/k3s-ha";
    try {
      const { exitCode, stderr } = await exec(
        "db-1",
        `set -e; cd ${tls}; cp -p server.crt /root/server.crt; umask 077; cat >/root/ca.key; umask 022
openssl req -new -key server.key -subj /CN=other | openssl x509 -req -CA ca.crt -CAkey /root/ca.key -days 2 -extfile <(echo subjectAltName=IP:192.0.2.99) -out server.crt
rm /root/ca.key; mariadb -e 'FLUSH SSL'`,
        { input: key },
      );
      assert.equal(exitCode, 0, stderr);
      const cursor = await onHost("server-2", "journalctl --lines 0 --show-cursor | sed -n 's/^-- cursor: //p'");
      await onHost("server-2", "systemctl restart --no-block k3s");
      await eventually(async () => {
        const journal = await onHost("server-2", `journalctl --unit k3s --after-cursor '${cursor}' --output cat`);
        assert.match(journal, new RegExp(`certificate is valid for 192\\.0\\.2\\.99, not ${addressOf("db-1")}`));
      });
      // Starting, or between two tries.
      assert.notEqual(await onHost("server-2", "systemctl show --property ActiveState --value k3s"), "active");
    } finally {
      await onHost("db-1", `cp -p /root/server.crt ${tls}/server.crt; rm /root/server.crt; mariadb -e 'FLUSH SSL'`);
    }
    await eventually(async () => {
      assert.deepEqual(await readyNodes(kubeconfig), allReady);
      assert.ok(await serverReady("server-2"));
    }, 180);
  });
});

describe("a change that a server fails on", () => {
  test("stops there, is told with the server's own words, and leaves every server with its previous settings", async () => {
    const wrong = await SandboxStack.open("dev", brokenConfig());
    const { all, exitCode } = await wrong.up();
    assert.notEqual(exitCode, 0);
    failing = { up: all, preview: await wrong.preview() };
    assert.match(all, /unknown flag: --no-such-flag/);
    assert.match(all, /server-1: K3s is not ready after 30 s; .*; it runs with its previous settings again/);
    assert.deepEqual(await readyNodes(kubeconfig), allReady);
    for (const host of ["server-1", "server-2"]) {
      assert.equal(await onHost(host, "grep -c no-such-flag /etc/rancher/k3s/config.yaml || test $? = 1"), "0", host);
      assert.ok(await serverReady(host), host);
    }
    stack = await SandboxStack.open("dev", config);
    await stack.mustUp("--expect-no-changes");
  });
});

describe("secrets", () => {
  test("stand in no process's arguments, no unit, journal, log or world-readable file, no output, and not in the state", async () => {
    const needles = secretNeedles(await stack.exported());
    assert.ok(needles.length >= 12, `only ${needles.length} secrets to look for`);
    const leaked = (text: string) => needles.filter((needle) => text.includes(needle)).length;

    assert.ok(
      [...argumentsSeen].some((line) => line.includes("k3s server")),
      "the sampling saw no K3s",
    );
    assert.equal([...argumentsSeen].filter((line) => leaked(line) > 0).length, 0, "in a process's arguments");
    assert.equal(leaked(upOutput), 0, "in the output of up");

    assert.match(failing.up, /no-such-flag/, "the failure does not tell what K3s said");
    assert.equal(leaked(failing.up), 0, "in the output of a failing up");
    assert.match(failing.preview, /no-such-flag/);
    assert.equal(leaked(failing.preview), 0, "in a preview's diff");

    const state = await readFile(join(pulumiDirectory, "state/.pulumi/stacks/k3s-ha/dev.json"), "utf8");
    assert.equal(leaked(state), 0, "in the state file");

    for (const host of hosts) {
      const { stdout, stderr, exitCode } = await exec(
        host,
        `set -e; needles=$(mktemp /dev/shm/XXXXXX); cat >$needles; chmod 644 $needles
report() { sed "s|^|$1: |"; }
journalctl --no-pager --output cat | grep -cFf $needles | grep -v '^0$' | report journal || test $? = 1
systemctl cat '*' 2>/dev/null | grep -cFf $needles | grep -v '^0$' | report units || test $? = 1
{ grep -rlFf $needles /var/log || test $? = 1; } | report log
{ runuser -u nobody -- grep -rlsFf $needles /etc /var /usr/local /root /home /tmp /run /opt || test $? -le 2; } | report readable
{ find /etc /var /root /usr/local -xdev -type f -size -20M -exec grep -lFf $needles {} + || test $? = 1; } | while read -r path; do case $(stat -c %a "$path") in *00) ;; *) echo "$path";; esac; done | report mode
rm $needles`,
        { input: `${needles.join("\n")}\n` },
      );
      assert.equal(exitCode, 0, stderr);
      // K3s's own files under /var/lib/rancher are in directories that only root enters; the kubelet's mounts likewise.
      const found = stdout
        .split("\n")
        .filter((line) => line !== "" && !/^mode: \/var\/lib\/(rancher|kubelet|mysql)\//.test(line));
      assert.deepEqual(found, [], host);
    }
  });
});

test("a sha256 that the release does not have is refused before K3s is touched", async () => {
  const wrong = await SandboxStack.open("dev", {
    ...config,
    k3s: { ...(config["k3s"] as object), sha256: "0".repeat(64) },
  });
  const running = () =>
    Promise.all(
      ["server-1", "server-2", "agent-1"].map((host) =>
        onHost(
          host,
          "sha256sum /usr/local/bin/k3s; systemctl show --property ExecMainPID k3s k3s-agent; ls /usr/local/lib/k3s-ha/k3s",
        ),
      ),
    );
  const before = await running();
  const { all, exitCode } = await wrong.up();
  assert.notEqual(exitCode, 0, all);
  assert.match(all, /k3s-ha:k3s\.sha256 is 0{64}, but the release v1\.35\.0\+k3s1 lists [0-9a-f]{64}/);
  assert.deepEqual(await running(), before);
});

/** The configuration with a setting that no API server starts with. */
function brokenConfig(): StackConfig {
  const k3s = {
    ...(config["k3s"] as object),
    serverConfig: { "kube-apiserver-arg": ["no-such-flag=x"] },
    readySeconds: 30,
  };
  return { ...config, k3s };
}

/** Every file that the program could have written, with its time of change. */
const traceScript =
  "find /etc /usr/local /var/lib/k3s-ha /root -xdev -type f -printf '%p %T@\\n' 2>/dev/null | sort | sha256sum";

async function serverReady(host: string): Promise<boolean> {
  const { exitCode } = await exec(host, "k3s kubectl get --raw /readyz");
  return exitCode === 0;
}

interface ExportedState {
  deployment: { resources: { urn: string; outputs?: Record<string, { plaintext?: string }> }[] };
}

/** A secret output of a resource in an exported state. */
function secretTextOf(exported: unknown, name: string, output: string): string {
  const { resources } = (exported as ExportedState).deployment;
  const plaintext = resources.find(({ urn }) => urn.endsWith(`::${name}`))?.outputs?.[output]?.plaintext;
  assert.ok(plaintext !== undefined, `${name} has no secret ${output}`);
  return JSON.parse(plaintext) as string;
}
