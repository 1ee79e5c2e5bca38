/**
 * The product's main job on real hosts: one `up`, and what the hosts say of it. Nothing here believes the program's
 * own word where a host can be asked.
 */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { loginOf } from "../../components/host/hostLogin.ts";
import { runOnHost } from "../../components/host/hostShell.ts";
import { kubectl as runKubectl } from "../../operations/kubectl.ts";
import { readSettings } from "../../operations/stackSettings.ts";
import { hostStatusScript, parseHostFacts } from "../../operations/status/hostFacts.ts";
import { parseOutputs } from "../../operations/status/lookAtCluster.ts";
import { projectDirectory, stackOutputs } from "../../operations/workspace.ts";
import { testImage } from "../../sandbox/k3s/images.ts";
import { boot, down, exec, powerOff, up } from "../../sandbox/sandbox.ts";
import { pulumiDirectory } from "../../sandbox/sandboxWorkspace.ts";
import { eventually } from "../support/eventually.ts";
import { lookAt } from "../support/makeStatus.ts";
import { changedLines, plannedChanges } from "../support/previewDiff.ts";
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
const allReady = [`agent-1 ${version}`, `server-1 ${version}`, `server-2 ${version}`];

let config: StackConfig;
let stack: SandboxStack;
let kubeconfig: string;
let upOutput: string;
let argumentsSeen: ReadonlySet<string>;
/** What an exec prints that does nothing for 90 s. */
let idle: Promise<string>;

before(async () => {
  await down();
  const start = performance.now();
  await up();
  const { loadBalancer, ...others } = await devConfig();
  // Other than what Pulumi.dev.yaml leaves at its default, so that `make preview` has something to show.
  config = { ...others, loadBalancer: { ...(loadBalancer as object), idleSeconds: 600 } };
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
  test("has two servers and an agent Ready, asked through the balancer", async () => {
    assert.equal(endpointOf(kubeconfig).server, `https://${addressOf("lb-1")}:6443`);
    assert.deepEqual(await readyNodes(kubeconfig), allReady);
  });

  test("runs a pod on the agent; logs -f and exec work through the balancer", async () => {
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
    // Whether it goes well is asked later; until then a failure is nobody's.
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

test("an exec that is idle for 90 s works through the balancer", async () => {
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
    await waitFor(async () => (await readyNodes(kubeconfig)).length === 3 && (await serverReady("server-2")), 180);
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

    const wrong = await SandboxStack.open("dev", brokenConfig());
    const failing = await wrong.up();
    assert.notEqual(failing.exitCode, 0);
    assert.equal(leaked(failing.all), 0, "in the output of a failing up");
    assert.match(failing.all, /no-such-flag/, "the failure does not tell what K3s said");
    assert.equal(leaked(await wrong.preview()), 0, "in a preview's diff");
    stack = await SandboxStack.open("dev", config);

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

describe("a change that a server fails on", () => {
  test("stops there, is told with the server's own words, and leaves every server with its previous settings", async () => {
    const { all, exitCode } = await (await SandboxStack.open("dev", brokenConfig())).up();
    assert.notEqual(exitCode, 0);
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

describe("a second up", () => {
  test("changes nothing and restarts no service", async () => {
    const starts = () =>
      Promise.all(
        hosts.map((host) =>
          onHost(
            host,
            "systemctl show --property Id,ExecMainStartTimestampMonotonic,ExecMainPID mariadb haproxy k3s k3s-agent k3s-ha-datastore-firewall",
          ),
        ),
      );
    const before = await starts();
    const output = await stack.mustUp("--expect-no-changes");
    assert.match(output, /\d+ unchanged/);
    assert.deepEqual(await starts(), before);
  });

  test("can be foreseen by make preview, which shows the changed line of haproxy.cfg and touches nothing", async () => {
    const { stdout } = await execa(
      process.execPath,
      ["--disable-warning=ExperimentalWarning", join(projectDirectory, "operations/main.ts"), "preview"],
      { stdin: "ignore" },
    );
    assert.deepEqual(plannedChanges(stdout), ["update balancer-lb-1-service"]);
    const lines = changedLines(stdout).filter((line) => !line.includes("REVISION"));
    assert.deepEqual(lines, ["+ timeout tunnel 86400s", "- timeout tunnel 600s"]);
    assert.equal(await onHost("lb-1", "grep -c 'timeout tunnel 600s' /etc/haproxy/k3s-ha/haproxy.cfg"), "1");
    stack = await SandboxStack.open("dev", config);
  });

  test("with only the SSH connection changed restarts no service either", async () => {
    const starts = () =>
      Promise.all(
        hosts.map((host) =>
          onHost(
            host,
            "systemctl show --property ExecMainStartTimestampMonotonic,ExecMainPID mariadb haproxy k3s k3s-agent",
          ),
        ),
      );
    const before = await starts();
    const changed = structuredClone(config) as { ssh: Record<string, unknown> } & StackConfig;
    changed.ssh["port"] = 2222;
    for (const host of hosts)
      await onHost(
        host,
        "mkdir -p /etc/ssh/sshd_config.d; printf 'Port 22\\nPort 2222\\n' >/etc/ssh/sshd_config.d/90-port.conf; systemctl reload ssh",
      );
    const other = await SandboxStack.open("dev", {
      ...changed,
      ssh: { ...changed.ssh, knownHostsFile: undefined },
      ...(await withHostKeys(changed)),
    });
    const output = await other.mustUp();
    assert.match(output, /updated/);
    assert.deepEqual(await starts(), before);
    stack = await SandboxStack.open("dev", config);
    await stack.mustUp();
    assert.deepEqual(await starts(), before);
  });
});

describe("make status", () => {
  /** The sentences that tell what is unusual, and what every look has to be: quick, and true to its exit code. */
  const problems = async (): Promise<readonly string[]> => {
    const { exitCode, status, seconds } = await lookAt("dev");
    console.log(`make status: ${seconds.toFixed(1)} s, ${status.problems.length} problems`);
    // Hosts that hang are given up on; on a busy machine the rest takes a while as well.
    assert.ok(seconds < 30, `${seconds} s`);
    assert.equal(exitCode, status.problems.length === 0 ? 0 : 1);
    assert.equal(status.healthy, status.problems.length === 0);
    return status.problems;
  };
  const says = (all: readonly string[], ...sentences: RegExp[]) => {
    for (const sentence of sentences)
      assert.ok(
        all.some((problem) => sentence.test(problem)),
        `${String(sentence)}\n${all.join("\n")}`,
      );
  };
  const untilHealthy = () => waitFor(async () => (await lookAt("dev")).exitCode === 0, 180);

  test("finds nothing unusual about a healthy cluster, and tells what the hosts do", async () => {
    await untilHealthy();
    const { status } = await lookAt("dev");
    assert.deepEqual(status.nodes?.map(({ name, state }) => `${name} ${state}`).sort(), [
      "agent-1 Ready",
      "server-1 Ready",
      "server-2 Ready",
    ]);
    assert.deepEqual(
      status.balancers.map(({ name, haproxy, servers }) => [name, haproxy, servers.map(({ state }) => state)]),
      [["lb-1", "active", ["UP", "UP"]]],
    );
    assert.equal(status.api.answer, "ok");
    const newest = await onHost("db-1", "k3s-ha-backup latest");
    assert.equal(status.backup?.id, newest);
    const rows = Number(await onHost("db-1", "mariadb -N -e 'SELECT COUNT(*) FROM k3s.kine'"));
    assert.ok(
      Math.abs((status.datastore?.rows ?? 0) - rows) < 200,
      `${status.datastore?.rows ?? "?"} and ${rows} rows`,
    );
    const end = await onHost(
      "server-1",
      'date -d "$(openssl x509 -noout -enddate -in /var/lib/rancher/k3s/server/tls/client-admin.crt | cut -d = -f 2)" +%s',
    );
    const seen = status.certificates.find(({ host, name }) => host === "server-1" && name === "client-admin");
    assert.equal(Date.parse(seen?.expiresAt ?? "") / 1000, Number(end));
  });

  test("can ask the datastore from a server with K3s's own login, for a datastore that is none of the stack's", async () => {
    const { hosts: configured } = await readSettings(stack.workspace);
    const { host, path } = configured["server-1"] ?? assert.fail("no server-1");
    const { datastoreEndpoint } = parseOutputs(await stackOutputs(stack.workspace));
    const questions = {
      managedDatabase: undefined,
      datastoreEndpoints: [datastoreEndpoint],
      virtualAddress: undefined,
    };
    const script = hostStatusScript("server", questions, []);
    const { stdout } = await runOnHost(await loginOf("server-1", path, host), script, { seconds: 10 });
    const { datastore, datastoreFault } = parseHostFacts(stdout);
    assert.equal(datastoreFault, undefined);
    const rows = Number(await onHost("db-1", "mariadb -N -e 'SELECT COUNT(*) FROM k3s.kine'"));
    assert.ok(Math.abs((datastore?.rows ?? 0) - rows) < 200, `${datastore?.rows ?? "?"} and ${rows} rows`);
    assert.equal(datastore?.engine, "MariaDB");
    assert.equal(
      datastore.connectionsAllowed,
      Number(await onHost("db-1", "mariadb -N -e 'SELECT @@max_connections'")),
    );
  });

  test("tells of HAProxy that is stopped, a cordoned node and a stopped timer", async () => {
    await kubectl(kubeconfig, ["cordon", "agent-1"]);
    await onHost("db-1", "systemctl stop k3s-ha-backup.timer");
    await onHost("lb-1", "systemctl stop haproxy");
    says(
      await problems(),
      /^lb-1: HAProxy is inactive, so this load balancer serves no client\./,
      /^The API does not answer at https:\/\/\S+:6443 \(connection refused\)\./,
      /^The node agent-1 is cordoned, so it gets no new pods\./,
      /^db-1: the timer of the backups is inactive, so none are taken\./,
    );
    await onHost("lb-1", "systemctl start haproxy");
    await onHost("db-1", "systemctl start k3s-ha-backup.timer");
    await waitFor(async () => (await kubectl(kubeconfig, ["uncordon", "agent-1"])) !== "", 30);
  });

  test("tells within seconds of K3s that is stopped, and of a host without power", async () => {
    await onHost("server-2", "systemctl stop k3s");
    await powerOff("agent-1");
    await eventually(async () => {
      says(
        await problems(),
        /^server-2 is DOWN for HAProxy on lb-1 since \d+ s \(L4CON\): nothing listens on its port 6443/,
        /^server-2: K3s is inactive\./,
        /^k3s-ha:agentPools\.workers\.hosts\.agent-1 \(\S+\): the host cannot be reached over SSH \(.*\)\. Check that it is up/,
      );
    });
    await onHost("server-2", "systemctl start k3s");
    await boot("agent-1");
    await untilHealthy();
  });

  test("tells of a database that is stopped, and that the servers are not ready without it", async () => {
    await onHost("db-1", "systemctl stop mariadb.socket mariadb");
    await eventually(async () => {
      says(
        await problems(),
        /^db-1: the datastore does not answer \(MariaDB is inactive\), so no server can write\./,
        /^server-[12]: K3s (is \w+\.|runs but is not ready)/,
      );
    });
    await onHost("db-1", "systemctl start mariadb.socket mariadb");
    await untilHealthy();
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

async function waitFor(condition: () => Promise<boolean>, seconds: number): Promise<void> {
  const deadline = performance.now() + seconds * 1000;
  while (!(await condition().catch(() => false))) {
    assert.ok(performance.now() < deadline, `not within ${seconds} s`);
    await sleep(500);
  }
}

/** The pools of a configuration with each host's key written beside it instead of in a known_hosts file. */
async function withHostKeys(given: StackConfig): Promise<StackConfig> {
  const keys = new Map<string, string>();
  for (const host of hosts) {
    const key = await onHost(host, "cut -d ' ' -f 1,2 /etc/ssh/ssh_host_ed25519_key.pub");
    keys.set(host, key);
  }
  const keyed = (pool: object) =>
    Object.fromEntries(
      Object.entries(pool).map(([name, host]) => [name, { ...(host as object), hostKey: keys.get(name) }]),
    );
  const { agentPools, loadBalancer, datastore } = given as {
    agentPools: { workers: { hosts: object } };
    loadBalancer: { hosts: object };
    datastore: { managed: { host: object } };
  };
  return {
    servers: keyed(given["servers"] as object),
    agentPools: { workers: { hosts: keyed(agentPools.workers.hosts) } },
    loadBalancer: { hosts: keyed(loadBalancer.hosts) },
    datastore: { managed: { ...datastore.managed, host: { ...datastore.managed.host, hostKey: keys.get("db-1") } } },
  };
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
