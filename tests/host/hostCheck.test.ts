// Proves what the check of a host says of hosts that cannot be worked on. The machine's answers are the test's.
import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { hostCheckScript, readAnswer } from "../../components/host/checkHosts.ts";
import type { NamedHost } from "../../components/host/hostCheckPart.ts";
import { bashOutput, runBash } from "../support/bash.ts";
import { definitionsOf } from "../support/hostFiles.ts";
import { sampleHost } from "../support/sampleHosts.ts";
import { inTemporaryDirectory } from "../support/temporaryDirectory.ts";

const server: NamedHost = { name: "server-1", host: sampleHost(11), path: "k3s-ha:servers.server-1", role: "server" };
const place = "k3s-ha:servers.server-1 (198.51.100.11)";

/** The sentences for what one check finds, with some programs replaced. */
async function problems(
  check: string,
  programs: string,
  host: NamedHost = server,
  change?: (script: string) => string,
): Promise<string[]> {
  return (await findings(check, programs, host, change)).problems;
}

/** What is reported, and keeps the program from nothing. */
async function notes(check: string, programs: string, host: NamedHost = server): Promise<string[]> {
  return (await findings(check, programs, host)).notes;
}

async function findings(
  check: string,
  programs: string,
  host: NamedHost,
  change: (script: string) => string = (script) => script,
) {
  const script = change(await hostCheckScript(host));
  const printed = await bashOutput(`${definitionsOf(script)}${programs}\nchecks=(${check})\napply\n`);
  const answer = readAnswer(host, place, printed);
  assert.ok(Math.abs(answer.shown - Date.now()) < 60_000);
  assert.ok(answer.isWhole);
  return answer;
}

describe("hostCheck", () => {
  it("refuses a disk without enough space, and reports how much is missing", async () => {
    const df = (free: number, state = "/nowhere") =>
      `df() { printf 'Avail\\n %s\\n' ${free}; }; state_directory=${state}`;
    assert.deepEqual(await problems("check_disk", df(500)), [
      `${place}: has 500 MiB free for /var/lib/rancher and needs 2048 MiB. Free some space or use a larger disk.`,
    ]);
    assert.deepEqual(await problems("check_disk", df(2048)), []);
    // One that it has worked on already needs room for a change only.
    assert.deepEqual(await problems("check_disk", df(500, "/")), []);
    assert.match((await problems("check_disk", df(100, "/")))[0] ?? "", /has 100 MiB free .* needs 256 MiB/);
  });

  it("measures the disk of the role's data, even if the directory does not exist yet", async () => {
    const df =
      "df() { printf 'Avail\\n 5\\n'; echo \"${!#}\" >&2; }; state_directory=/nowhere; data_directory=/proc/self/no/such\n";
    const script = await hostCheckScript({ ...server, role: "backup", stack: { backupDirectory: "/srv/backups" } });
    assert.match(script, /^data_directory=\/srv\/backups$/m);
    const { stderr } = await runBash(`${definitionsOf(script)}${df}checks=(check_disk)\napply\n`);
    assert.equal(stderr, "/proc/self\n");
  });

  it("refuses a port that another program uses, but not one that K3s uses", async () => {
    const ss = (program: string) => `ss() { printf 'LISTEN 0 4096 *:6443 *:* users:(("${program}",pid=7,fd=3))\\n'; }`;
    assert.deepEqual(await problems("check_port", ss("apache2")), [
      `${place}: port 6443 is in use by apache2. Stop that program or choose another port.`,
    ]);
    assert.deepEqual(await problems("check_port", ss("k3s-server")), []);
    assert.deepEqual(await problems("check_port", "ss() { :; }"), []);
    assert.deepEqual(await problems("check_port", ss("apache2"), { ...server, role: "agent" }), []);
  });

  it("refuses a processor that K3s is not released for", async () => {
    assert.match(
      (await problems("check_system", "uname() { echo riscv64; }")).join("\n"),
      /: has the processor architecture riscv64; K3s is supported on x86_64 and aarch64 only\. Use such a host\.$/m,
    );
    assert.doesNotMatch((await problems("check_system", "uname() { echo aarch64; }")).join("\n"), /processor/);
  });

  it("refuses a release of Debian or Ubuntu that is too old, except on a host that is already set up", async () => {
    await inTemporaryDirectory(async (directory) => {
      const check = async (lines: string, state = "/nowhere") => {
        const path = join(directory, "os-release");
        await writeFile(path, lines);
        const found = await problems("check_system", `state_directory=${state}\n`, server, (script) =>
          script.replaceAll("/etc/os-release", path),
        );
        return found.filter((sentence) => !sentence.includes("systemd. Use"));
      };
      const old = (system: string) => [
        `${place}: runs ${system}; Debian 12 or newer, or Ubuntu 24.04 or newer, is required, with their packages of HAProxy, MariaDB and systemd. Upgrade the system, or use another host.`,
      ];
      const debian = 'PRETTY_NAME="Debian GNU/Linux 11 (bullseye)"\nVERSION_ID="11"\nID=debian\n';
      const ubuntu = 'PRETTY_NAME="Ubuntu 22.04.5 LTS"\nVERSION_ID="22.04"\nID=ubuntu\nID_LIKE=debian\n';
      assert.deepEqual(await check(debian), old("Debian GNU/Linux 11 (bullseye)"));
      assert.deepEqual(await check(ubuntu), old("Ubuntu 22.04.5 LTS"));
      assert.deepEqual(await check(ubuntu, directory), []);
      assert.deepEqual(await check('VERSION_ID="12"\nID=debian\n'), []);
      assert.deepEqual(await check('VERSION_ID="24.04"\nID=ubuntu\nID_LIKE=debian\n'), []);
      assert.deepEqual(await check("ID=debian\n"), []);
      assert.deepEqual(await check('VERSION_ID="3"\nID=raspbian\nID_LIKE=debian\n'), []);
    });
  });

  it("refuses a kernel without modules or control groups that a node needs, and names them", async () => {
    await inTemporaryDirectory(async (directory) => {
      await mkdir(join(directory, "6.8.0-1010-raspi"));
      const check = (modules: string, controllers = "cpuset cpu memory pids", groups = "") =>
        findings(
          "check_kernel",
          `control_groups=${directory} processes=${directory} modules_directory=${directory}
printf '%s' '${controllers}' >${directory}/cgroup.controllers
printf '${groups}' >${directory}/cgroups
uname() { echo 6.8.0-1010-raspi; }
modprobe() { [[ ' ${modules} ' == *" \${!#} "* ]]; }
`,
          server,
          (script) => script.replaceAll("/sys/module", directory),
        );
      assert.deepEqual((await check("overlay br_netfilter vxlan")).problems, []);
      assert.deepEqual((await check("overlay br_netfilter vxlan")).notes, []);
      assert.deepEqual((await check("overlay br_netfilter")).notes, [
        `${place}: its kernel 6.8.0-1010-raspi has no vxlan, which K3s's network needs unless flannel-backend is another. Install the kernel's modules there (on Ubuntu: apt-get install linux-modules-extra-6.8.0-1010-raspi), and run up again.`,
      ]);
      assert.deepEqual((await check("vxlan")).problems, [
        `${place}: its kernel 6.8.0-1010-raspi has no overlay, br_netfilter, which a node needs. Install the kernel's modules there (on Ubuntu: apt-get install linux-modules-extra-6.8.0-1010-raspi), reboot if the kernel was replaced, and run up again.`,
      ]);
      const all = "overlay br_netfilter vxlan";
      assert.deepEqual((await check(all, "cpuset cpu pids", "memory\\t0\\t83\\t0\\n")).problems, [
        `${place}: its kernel does not offer the control groups memory, which a node needs. Turn them on (on a Raspberry Pi: add "cgroup_memory=1 cgroup_enable=memory" to the line in /boot/firmware/cmdline.txt), reboot, and run up again.`,
      ]);
      // The old control groups, as far as the unified ones lack them.
      assert.deepEqual((await check(all, "cpuset cpu pids", "memory\\t4\\t83\\t1\\n")).problems, []);
    });
  });

  it("refuses a host whose node has another name or role, and says how to change it", async () => {
    await inTemporaryDirectory(async (directory) => {
      await mkdir(join(directory, "k3s.claims"));
      const node = (text: string) => writeFile(join(directory, "k3s.claims", "workers-agent-2"), `${text}\n`);
      const check = () => problems("check_node", `state_directory=${directory}`);
      await node("agent agent-2");
      assert.deepEqual(await check(), [
        `${place}: is the agent agent-2, but is configured as the server server-1. A host changes its role or its name in two steps: remove its entry and run up, which uninstalls K3s; then add it in its new role. If it was declared lost, reinstall it.`,
      ]);
      await node("server server-1");
      assert.deepEqual(await check(), []);
    });
    assert.deepEqual(await problems("check_node", "state_directory=/nowhere"), []);
  });

  it("refuses the datastore's port if another program has it, but not what systemd has started for a moment", async () => {
    const database: NamedHost = { ...server, name: "db-1", role: "datastore" };
    const held = (...programs: string[]) =>
      problems(
        "check_held_ports",
        `ss() { printf 'LISTEN 0 4096 *:3306 *:* users:(${programs.map((name) => `("${name}",pid=1,fd=50)`).join(",")})\\n'; }`,
        database,
      );
    assert.deepEqual(await held(), []);
    assert.deepEqual(await held("systemd", "sd-accept"), []);
    assert.deepEqual(await held("mariadbd"), []);
    assert.deepEqual(await held("postgres"), [
      `${place}: port 3306 is in use by postgres. Stop that program, or choose another port or host.`,
    ]);
  });

  it("accepts the node of the server whose host a load balancer shares, and no other", async () => {
    const shared: NamedHost = { ...server, name: "lb-1", role: "loadBalancer", on: "server-1" };
    await inTemporaryDirectory(async (directory) => {
      await mkdir(join(directory, "k3s.claims"));
      const check = async (node: string) => {
        await writeFile(join(directory, "k3s.claims", "servers-server"), `${node}\n`);
        return problems("check_node", `state_directory=${directory}`, shared);
      };
      assert.deepEqual(await check("server server-1"), []);
      assert.match((await check("server server-2"))[0] ?? "", /is the server server-2, but is configured as/);
    });
  });

  it("refuses a node address that no network interface of the host has, and lists those that exist", async () => {
    const cards = `ip() {
  case "$*" in
    *"show to 198.51.100.11") [[ -z \${has:-} ]] || echo '2: eth0    inet 198.51.100.11/24 scope global eth0' ;;
    *"scope global") printf '2: eth0    inet 10.0.0.11/24 scope global eth0\\n2: eth0    inet6 fd00::11/64 scope global\\n' ;;
  esac
}
`;
    assert.deepEqual(await problems("check_node_address", cards), [
      `${place}: has the node address 198.51.100.11 on none of its network interfaces, so its node would not start. Its addresses: 10.0.0.11 (eth0), fd00::11 (eth0). Set nodeAddress in the host's entry to the address at which other nodes reach it.`,
    ]);
    assert.deepEqual(await problems("check_node_address", `${cards}has=yes\n`), []);
    assert.deepEqual(await problems("check_node_address", cards, { ...server, role: "loadBalancer" }), []);
  });

  const dualStack = { ...server, host: { ...sampleHost(11), secondaryNodeAddress: "fd00::11" } };
  const addresses = (interfaces: Readonly<Record<string, string>>, route = "") => `ip() {
  case "$*" in
${Object.entries(interfaces)
  .map(([address, name]) => `    *"show to ${address}") echo '2: ${name}    inet ${address}/24 scope global' ;;`)
  .join("\n")}
    *"route show default proto ra") echo '${route}' ;;
  esac
}
`;

  it("refuses a dual-stack node that lacks the second of its addresses", async () => {
    assert.deepEqual(await problems("check_node_address", addresses({ "198.51.100.11": "eth0" }), dualStack), [
      `${place}: has the node address fd00::11 on none of its network interfaces, so its node would not start. Its addresses: none. Set nodeAddress in the host's entry to the address at which other nodes reach it.`,
    ]);
    const both = addresses({ "198.51.100.11": "eth0", "fd00::11": "eth0" });
    assert.deepEqual(await problems("check_node_address", both, dualStack), []);
    assert.deepEqual(await notes("check_dual_stack", both, dualStack), []);
  });

  it("warns of a dual-stack node whose addresses are on two network interfaces", async () => {
    const two = addresses({ "198.51.100.11": "eth1@if7", "fd00::11": "eth2" });
    assert.deepEqual(await notes("check_dual_stack", two, dualStack), [
      `${place}: has its node addresses on two network interfaces, 198.51.100.11 on eth1 and fd00::11 on eth2, but flannel uses eth1 for the pod traffic of both families. Give eth1 an address of each family at which other nodes reach it, and set it as secondaryNodeAddress.`,
    ]);
    assert.deepEqual(await notes("check_dual_stack", two), []);
  });

  it("warns of an IPv6 default route that expires once K3s forwards IPv6", async () => {
    const route = addresses({}, "default via fe80::1 dev eth0 proto ra metric 1024 expires 1700sec");
    const kernel = (accept: number) => `${route}sysctl() { echo ${accept}; }\n`;
    assert.deepEqual(await notes("check_ipv6_route", kernel(1), dualStack), [
      `${place}: has its IPv6 default route from router advertisements, which the kernel ignores once K3s forwards IPv6, so the route expires. Set net.ipv6.conf.eth0.accept_ra = 2 in a file of /etc/sysctl.d, and run "sysctl --system".`,
    ]);
    assert.deepEqual(await notes("check_ipv6_route", kernel(2), dualStack), []);
    // What systemd-networkd receives by itself is none of the kernel's.
    assert.deepEqual(await notes("check_ipv6_route", kernel(0), dualStack), []);
    assert.deepEqual(await notes("check_ipv6_route", kernel(1)), []);
  });

  it("warns of a running node whose pod traffic uses another interface than its node address", async () => {
    const cards = (route: string) => `ip() {
  case "$*" in
    *"show to 198.51.100.11") echo '3: eth1    inet 198.51.100.11/24 scope global eth1' ;;
    *"show default") echo 'default via 192.0.2.1 dev ${route}' ;;
  esac
}
`;
    await inTemporaryDirectory(async (directory) => {
      const check = (route: string) =>
        notes("check_pod_network", `${cards(route)}grep() { return 1; }\nstate_directory=${directory}\n`);
      assert.deepEqual(await check("eth0"), []);
      await writeFile(join(directory, "k3s.proved"), "x\n");
      assert.deepEqual(await check("eth0"), [
        `${place}: the traffic of its pods uses eth0, the network interface of the default route, instead of eth1, which has its node address 198.51.100.11. A running node keeps this. To move pod traffic to the node addresses, set flannel-iface to eth1 for all nodes. While one node after the other restarts, pods cannot reach those on other nodes.`,
      ]);
      assert.deepEqual(await check("eth1"), []);
    });
  });

  it("refuses a login that did not become root", async () => {
    assert.deepEqual(await problems("check_root", "id() { echo 1000; }"), [
      `${place}: the login user is not root and did not become root through sudo. Give it password-less sudo.`,
    ]);
  });

  it("reports all problems of a host at once", async () => {
    const found = await problems(
      "check_root check_disk",
      "id() { echo 1000; }; df() { printf 'Avail\\n 5\\n'; }; state_directory=/nowhere",
    );
    assert.equal(found.length, 2);
  });

  it("recognizes a truncated answer, and reports the part that arrived", () => {
    const printed = "clock\t1\nport\t6443\tapache2\n";
    const cut = readAnswer(server, place, printed);
    assert.deepEqual([cut.isWhole, cut.problems.length], [false, 1]);
    assert.equal(readAnswer(server, place, `${printed}end\n`).isWhole, true);
    assert.equal(readAnswer(server, place, "").isWhole, false);
  });
});
