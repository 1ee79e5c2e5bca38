/**
 * Hosts of others are refused, each kind with what was found and what to do, and stay as they are: their files and their
 * services are compared before and after. With `adopt: true` what is replaced is kept, and put back by the removal.
 */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import { checkHosts } from "../../components/host/checkHosts.ts";
import type { HostRole, NamedHost } from "../../components/host/hostCheckPart.ts";
import type { OwnStack } from "../../components/host/ownStack.ts";
import { renderHostScript } from "../../components/host/hostScript.ts";
import { down, exec, up } from "../../sandbox/sandbox.ts";
import { machineSite, pathsOf } from "../../sandbox/state.ts";
import { definitionsOf } from "../support/hostFiles.ts";
import { long } from "../support/long.ts";
import { addressOf, devConfig, onHost, SandboxStack } from "../support/sandboxCluster.ts";
import { hostScripts } from "../../components/host/scripts.ts";

const stack: OwnStack = {
  owner: "k3s-ha/dev",
  clusterId: "this-cluster",
  serverAddresses: ["203.0.113.11"],
  sharesAddress: true,
};

/** A host with something on it that is not this program's. */
interface ForeignHost {
  readonly what: string;
  readonly host: "lb-1" | "db-1" | "mysql-1" | "server-1";
  readonly role: HostRole;
  readonly prepare: string;
  /** What the refusal says after the host's path and address. */
  readonly refusal: string;
  readonly cleanup: string;
  readonly stack?: OwnStack;
}

const mark = (project: string, name: string, cluster: string) =>
  `install -d /var/lib/k3s-ha; printf '%s\n' project=${project} stack=${name} cluster=${cluster} host=db-7 role=datastore >/var/lib/k3s-ha/owner`;
const unmark = "rm -rf /var/lib/k3s-ha";
const adoptable = (what: string) =>
  `To have ${what}, set "adopt: true" in the host's entry (docs/day-two.md); to keep it, use another host.`;
const replaced = (path: string) =>
  `has a ${path} that neither this program nor a package installed, and that would be replaced. ${adoptable("it replaced, with a copy that is put back when the host is removed")}`;
const shared = (schemas: string) =>
  `has a MariaDB with schemas of others (${schemas}), which would get other settings: one address and port, TLS for every client, and a firewall. ${adoptable("it shared with these settings until the host is removed")}`;
const webSite = `cp -a /etc/haproxy/haproxy.cfg /root/haproxy.cfg
cat >>/etc/haproxy/haproxy.cfg <<'END'
frontend site
  mode http
  bind :80
  http-request return status 200 content-type text/plain string "the site"
END
systemctl restart haproxy`;
const noWebSite = "systemctl stop haproxy; mv -f /root/haproxy.cfg /etc/haproxy/haproxy.cfg";

const foreignHosts: readonly ForeignHost[] = [
  {
    what: "a web site that HAProxy serves",
    host: "lb-1",
    role: "loadBalancer",
    prepare: webSite,
    refusal: replaced("/etc/haproxy/haproxy.cfg"),
    cleanup: noWebSite,
  },
  {
    what: "an address that keepalived moves",
    host: "lb-1",
    role: "loadBalancer",
    prepare: "echo 'vrrp_instance theirs { }' >/etc/keepalived/keepalived.conf",
    refusal: replaced("/etc/keepalived/keepalived.conf"),
    cleanup: "rm /etc/keepalived/keepalived.conf",
  },
  {
    what: "a program on the API's port",
    host: "lb-1",
    role: "loadBalancer",
    prepare:
      "systemd-run --quiet --unit=theirs socat TCP-LISTEN:6443,fork /dev/null; until ss -Hltn | grep -q :6443; do sleep 0.1; done",
    refusal: "port 6443 is in use by socat. Stop that program, or choose another port or host.",
    cleanup: "systemctl stop theirs",
  },
  {
    what: "an application's schema in a MariaDB that runs",
    host: "db-1",
    role: "datastore",
    prepare:
      "systemctl start mariadb; mariadb -e 'CREATE DATABASE shop; CREATE DATABASE `my-app`; CREATE TABLE shop.orders (id INT)'",
    refusal: shared("my-app, shop"),
    cleanup: "mariadb -e 'DROP DATABASE `my-app`'",
  },
  {
    what: "an application's schema in a MariaDB that is stopped",
    host: "db-1",
    role: "datastore",
    prepare: "systemctl stop mariadb.socket mariadb",
    refusal: shared("shop"),
    cleanup: "systemctl start mariadb; mariadb -e 'DROP DATABASE shop'",
  },
  {
    what: "another database on the port",
    host: "db-1",
    role: "datastore",
    prepare:
      "systemctl stop mariadb.socket mariadb; systemd-run --quiet --unit=theirs socat TCP-LISTEN:3306,fork /dev/null; until ss -Hltn | grep -q :3306; do sleep 0.1; done",
    refusal: "port 3306 is in use by socat. Stop that program, or choose another port or host.",
    cleanup: "systemctl stop theirs",
  },
  {
    what: "a datastore of another stack",
    host: "db-1",
    role: "datastore",
    prepare: mark("k3s-ha", "staging", "that-cluster"),
    refusal:
      "belongs to the stack k3s-ha/staging: it is its datastore db-7. Use another host, or remove it from that stack (destroy does, too) and run up again. If that stack no longer exists, release the host with this command there: rm /var/lib/k3s-ha/owner",
    cleanup: unmark,
  },
  {
    what: "a datastore of this stack's earlier cluster",
    host: "db-1",
    role: "datastore",
    prepare: mark("k3s-ha", "dev", "that-cluster"),
    refusal:
      "belongs to the stack k3s-ha/dev: it is its datastore db-7, but of an earlier cluster, which this stack's state does not know. Restore that state; or, if that cluster no longer exists, release the host with this command there: rm /var/lib/k3s-ha/owner",
    cleanup: unmark,
  },
  {
    what: "a datastore without a mark that other servers use",
    host: "db-1",
    role: "datastore",
    prepare:
      "install -d /etc/k3s-ha/datastore-clients; echo 203.0.113.77 >/etc/k3s-ha/datastore-clients/server-1.address",
    refusal:
      "serves the servers of another cluster (203.0.113.77), but none of this cluster. Use another host; or, if that cluster no longer exists, remove /etc/k3s-ha/datastore-clients and /etc/haproxy/haproxy.cfg there, and run up again.",
    cleanup: "rm -r /etc/k3s-ha",
  },
  {
    what: "a MySQL, where MariaDB is to be installed",
    host: "mysql-1",
    role: "backup",
    prepare: "systemctl start mysql; mysql -e 'CREATE DATABASE shop'",
    refusal:
      "has the packages mysql-server, mysql-server-core, which conflict with the packages of MariaDB; this program never removes packages. Use another host for this role; or, if they are not needed, remove them there and run up again.",
    cleanup: "mysql -e 'DROP DATABASE shop'",
  },
  {
    what: "a K3s server that its own installer set up",
    host: "server-1",
    role: "server",
    prepare:
      "printf '[Service]\\nExecStart=/usr/bin/sleep infinity\\n' >/etc/systemd/system/k3s.service; systemctl daemon-reload; systemctl start k3s",
    refusal:
      "has a K3s that this program did not install (/etc/systemd/system/k3s.service). A node of another cluster cannot be adopted: that cluster would lose it, and this one does not know its data. Use another host; or drain and delete the node there, run k3s-uninstall.sh (on an agent k3s-agent-uninstall.sh), and run up again.",
    cleanup: "systemctl stop k3s; rm /etc/systemd/system/k3s.service; systemctl daemon-reload",
  },
  {
    what: "an agent's data, of a K3s whose unit is gone",
    host: "server-1",
    role: "agent",
    prepare: "install -D /dev/null /var/lib/rancher/k3s/agent/kubelet.kubeconfig",
    refusal:
      "has the data of a K3s that this program did not install (/var/lib/rancher/k3s/agent/kubelet.kubeconfig), which cannot be adopted: keys and certificates of one cluster are useless in another. Use another host; or, if they are not needed, run k3s-uninstall.sh there or move /var/lib/rancher/k3s away, and run up again.",
    cleanup: "rm /var/lib/rancher/k3s/agent/kubelet.kubeconfig",
  },
  {
    what: "a node of a kubeadm cluster",
    host: "server-1",
    role: "agent",
    prepare:
      "printf '[Service]\\nExecStart=/usr/bin/sleep infinity\\n' >/etc/systemd/system/kubelet.service; systemctl daemon-reload; systemctl start kubelet",
    refusal:
      "is a node of another Kubernetes (kubelet.service), which would lose its network and its pods. It cannot be adopted. Use another host, or uninstall that Kubernetes and run up again.",
    cleanup: "systemctl stop kubelet; rm /etc/systemd/system/kubelet.service; systemctl daemon-reload",
  },
  {
    what: "a K3s program of others",
    host: "server-1",
    role: "server",
    prepare: "install -m 0755 /bin/true /usr/local/bin/k3s",
    refusal: replaced("/usr/local/bin/k3s"),
    cleanup: "rm /usr/local/bin/k3s",
  },
  {
    what: "a kubectl that follows a K3s which is not there",
    host: "server-1",
    role: "agent",
    prepare: "ln -s k3s /usr/local/bin/kubectl",
    refusal: replaced("/usr/local/bin/kubectl"),
    cleanup: "rm /usr/local/bin/kubectl",
  },
  {
    what: "settings of K3s",
    host: "server-1",
    role: "server",
    prepare: "install -d /etc/rancher/k3s; echo 'disable: [traefik]' >/etc/rancher/k3s/config.yaml",
    refusal: replaced("/etc/rancher/k3s/config.yaml"),
    cleanup: "rm /etc/rancher/k3s/config.yaml",
  },
  {
    what: "a drop-in that makes the host a node of another cluster",
    host: "server-1",
    role: "server",
    prepare: "echo 'server: https://203.0.113.99:6443' >/etc/rancher/k3s/config.yaml.d/50-site.yaml",
    refusal: replaced("/etc/rancher/k3s/config.yaml.d/50-site.yaml"),
    cleanup: "rm /etc/rancher/k3s/config.yaml.d/50-site.yaml",
  },
  {
    what: "image registries, where the stack has others",
    host: "server-1",
    role: "agent",
    prepare: "install -d /etc/rancher/k3s; echo 'mirrors: {}' >/etc/rancher/k3s/registries.yaml",
    refusal: replaced("/etc/rancher/k3s/registries.yaml"),
    cleanup: "rm /etc/rancher/k3s/registries.yaml",
    stack: { ...stack, writesRegistries: true },
  },
];

/** What the host's owner would miss: files with their modes, services, and databases. */
const footprint = (host: string) =>
  onHost(
    host,
    `find /etc /usr/local /opt /var/lib/rancher /var/lib/k3s-ha /root -xdev ! -name .bash_history -printf '%p %m %u:%g %l\\n' 2>/dev/null | sort | sha256sum
find /etc /usr/local /var/lib/rancher /var/lib/k3s-ha -xdev -type f -exec sha256sum {} + 2>/dev/null | sort | sha256sum
systemctl list-units --type=service --state=running --plain --no-legend | awk '{ print $1 }' | grep -v '@'
dpkg-query --show | sha256sum`,
  );

async function named(
  host: string,
  role: HostRole,
  more: { adopt?: boolean; stack?: OwnStack } = {},
): Promise<NamedHost> {
  const known = await readFile(pathsOf(machineSite).knownHosts, "utf8");
  const address = addressOf(host);
  const hostKey =
    known
      .split("\n")
      .find((line) => line.startsWith(`${address} `))
      ?.slice(address.length + 1) ?? "";
  const privateKey = await readFile(pathsOf(machineSite).clientKey, "utf8");
  const { adopt = false } = more;
  return {
    name: host,
    path: `k3s-ha:${host}`,
    role,
    stack: more.stack ?? stack,
    host: { address, hostKey, privateKey, adopt },
  };
}

before(async () => {
  await down();
  await up({ hosts: ["lb-1", "db-1", "mysql-1", "server-1"] });
});

after(() => down());

describe("a host of others is refused, and stays as it is:", () => {
  test("none of them without what is to be refused", async () => {
    const hosts = [
      ["lb-1", "loadBalancer"],
      ["db-1", "datastore"],
      ["server-1", "server"],
      ["server-1", "agent"],
    ] as const;
    const found = await checkHosts(await Promise.all(hosts.map(([host, role]) => named(host, role))));
    assert.deepEqual(found, { problems: [], notes: [] });
  });

  for (const { what, host, role, prepare, refusal, cleanup, stack: own } of foreignHosts) {
    test(what, async () => {
      await onHost(host, prepare);
      try {
        const untouched = await footprint(host);
        const { problems } = await checkHosts([await named(host, role, own === undefined ? {} : { stack: own })]);
        assert.deepEqual(problems, [`k3s-ha:${host} (${addressOf(host)}): ${refusal}`]);
        assert.equal(await footprint(host), untouched);
      } finally {
        await onHost(host, cleanup);
      }
    });
  }
});

test("no package is removed for another one, and the refusal names both", async () => {
  const installed = () => onHost("mysql-1", "dpkg-query --show | sort | sha256sum; systemctl is-active mysql");
  await onHost("mysql-1", "systemctl start mysql");
  const before = await installed();
  const script = renderHostScript({
    body: hostScripts.packages,
    variables: { host_name: "mysql-1", packages: ["mariadb-server-core"] },
  });
  const { stderr, exitCode } = await exec("mysql-1", `${definitionsOf(script)}apply`);
  assert.equal(exitCode, 1);
  assert.match(
    stderr,
    /^mysql-1: the packages mariadb-server-core cannot be installed without removing (mysql-server\S*(, )?)+, which this program did not install\. Nothing was installed or removed\. Use another host for this role; or, if they are no longer needed, remove them and run up again: apt-get remove (mysql-server\S* ?)+$/m,
  );
  assert.equal(await installed(), before);
});

describe("a stack on hosts that others use", long, () => {
  const hosts = ["lb-1", "db-1", "server-1"] as const;
  const site = "curl --silent http://127.0.0.1";
  // As an application does: without TLS, at an address of the network.
  const application = `mariadb --host ${addressOf("db-1")} --user shop --password=word --batch --skip-column-names --execute 'SELECT id FROM shop.orders' 2>&1`;
  const before: Record<string, string> = {};

  async function open(name: string, adopt: boolean): Promise<SandboxStack> {
    const config = await devConfig();
    const more = adopt ? { adopt } : {};
    return SandboxStack.open(name, {
      ...config,
      agentPools: {},
      servers: { "server-1": { address: "198.51.100.11", ...more } },
      loadBalancer: { hosts: { "lb-1": { address: "198.51.100.30", ...more } } },
      datastore: { managed: { name: "db-1", host: { address: "198.51.100.20", ...more } } },
    });
  }

  test("is refused with all that is found on them, and none of them is changed", async () => {
    await onHost("lb-1", webSite);
    await onHost(
      "db-1",
      `printf '[mariadbd]\\nbind-address = 0.0.0.0\\n' >/etc/mysql/mariadb.conf.d/99-shop.cnf; systemctl restart mariadb
mariadb -e "CREATE DATABASE shop; CREATE TABLE shop.orders (id INT); INSERT INTO shop.orders VALUES (7); CREATE USER shop IDENTIFIED BY 'word'; GRANT ALL ON shop.* TO shop"`,
    );
    await onHost(
      "server-1",
      "echo 'token: theirs' >/etc/rancher/k3s/config.yaml.d/50-site.yaml; install -m 0755 /bin/true /usr/local/bin/k3s",
    );
    for (const host of hosts) before[host] = await footprint(host);
    const { all, exitCode } = await (await open("adopting", false)).up();
    assert.notEqual(exitCode, 0, all);
    for (const sentence of [
      `k3s-ha:loadBalancer.hosts.lb-1 (${addressOf("lb-1")}): ${replaced("/etc/haproxy/haproxy.cfg")}`,
      `k3s-ha:datastore.managed.host (${addressOf("db-1")}): ${shared("shop")}`,
      `k3s-ha:servers.server-1 (${addressOf("server-1")}): ${replaced("/usr/local/bin/k3s")}`,
      `k3s-ha:servers.server-1 (${addressOf("server-1")}): ${replaced("/etc/rancher/k3s/config.yaml.d/50-site.yaml")}`,
    ])
      assert.ok(all.includes(sentence), `${sentence}\n${all}`);
    for (const host of hosts) assert.equal(await footprint(host), before[host], host);
    assert.equal(await onHost("lb-1", site), "the site");
    assert.equal(await onHost("server-1", application), "7");
  });

  test("that may adopt them reports where copies are kept, and marks the hosts as its own", async () => {
    const stack = await open("adopting", true);
    const told = await stack.mustUp();
    for (const path of [
      "/etc/haproxy/haproxy.cfg",
      "/usr/local/bin/k3s",
      "/etc/rancher/k3s/config.yaml.d/50-site.yaml",
    ])
      assert.ok(
        told.includes(
          `${path} is replaced, because the entry has "adopt: true". A copy is kept in /var/lib/k3s-ha/adopted${path}, and is put back when the host is removed.`,
        ),
        told,
      );
    assert.match(await onHost("lb-1", "cat /var/lib/k3s-ha/adopted/etc/haproxy/haproxy.cfg"), /the site/);
    assert.equal(await onHost("db-1", "mariadb -Ne 'SELECT id FROM shop.orders'"), "7");
    for (const host of hosts) {
      assert.match(
        await onHost(host, "cat /var/lib/k3s-ha/owner"),
        /^project=k3s-ha\nstack=adopting\ncluster=[0-9a-f-]{36}\nhost=/,
      );
      assert.equal(await onHost(host, "stat -c %a /var/lib/k3s-ha/owner"), "600");
    }
    await stack.mustUp("--expect-no-changes");
  });

  test("keeps another stack away, whose run changes nothing, not even a certificate", async () => {
    const certificate = await onHost("db-1", "sha256sum /etc/mysql/k3s-ha/server.crt /var/lib/k3s-ha/owner");
    const { all, exitCode } = await (await open("second", true)).up();
    assert.notEqual(exitCode, 0, all);
    assert.ok(
      all.includes(
        `k3s-ha:datastore.managed.host (${addressOf("db-1")}): belongs to the stack k3s-ha/adopting: it is its datastore db-1. Use another host, or remove it from that stack (destroy does, too) and run up again.`,
      ),
      all,
    );
    assert.equal(await onHost("db-1", "sha256sum /etc/mysql/k3s-ha/server.crt /var/lib/k3s-ha/owner"), certificate);
  });

  test("gives everything back when it is destroyed, and takes its mark away", async () => {
    const { all, exitCode } = await (await open("adopting", true)).destroy();
    assert.equal(exitCode, 0, all);
    assert.equal(await onHost("lb-1", site), "the site");
    assert.equal(await onHost("server-1", application), "7");
    assert.equal(await onHost("server-1", "cat /etc/rancher/k3s/config.yaml.d/50-site.yaml"), "token: theirs");
    assert.equal(await onHost("server-1", "cmp /usr/local/bin/k3s /bin/true"), "");
    for (const host of hosts)
      assert.equal(
        await onHost(host, "ls /var/lib/k3s-ha/owner /var/lib/k3s-ha/adopted 2>/dev/null | wc -l"),
        "0",
        host,
      );
  });
});
