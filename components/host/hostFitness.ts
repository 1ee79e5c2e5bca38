import { type HostCheckPart, type HostRole, roleWords, runsEtcd } from "./hostCheckPart.ts";
import type { OwnStack } from "./ownStack.ts";
import { hostScripts } from "./scripts.ts";

/** The directory of a role's data: a disk may be mounted there. Backups have a separate directory. */
const dataDirectories: Readonly<Record<HostRole, string>> = {
  server: "/var/lib/rancher",
  agent: "/var/lib/rancher",
  datastore: "/var/lib/mysql",
  loadBalancer: "/var/lib",
  backup: "/var/backups",
};

/** Room that a role takes there, in MiB, with a margin: K3s and its images, a database, a proxy. */
const neededMebibytes: Readonly<Record<HostRole, number>> = {
  server: 2048,
  agent: 2048,
  datastore: 1024,
  loadBalancer: 256,
  backup: 1024,
};

/**
 * Room there, in MiB, that a change takes on a host that has its role already: packages, another release of K3s beside
 * the one that runs, files and their copies.
 */
const neededForChange = 256;

/** The directory of a role's data on a host of a stack. */
function dataDirectory(role: HostRole, stack: OwnStack = {}): string {
  if (role === "backup" && stack.backupDirectory !== undefined) return stack.backupDirectory;
  return role === "datastore" && stack.etcdPorts !== undefined ? "/var/lib/k3s-ha-etcd" : dataDirectories[role];
}

/** The port that a role listens on by default, and the programs that may already hold it: our own. */
const ports: Readonly<Partial<Record<HostRole, { port: string; owners: string }>>> = {
  server: { port: "6443", owners: "k3s k3s-server" },
};

/** Whether a host is one that the program can work on: system, disk, port, leftovers of earlier clusters. */
export const hostFitness: HostCheckPart = {
  script: hostScripts.hostFitness,
  checks: [
    "check_root",
    "check_system",
    "check_etcd_release",
    "check_kernel",
    "check_disk",
    "check_port",
    "check_leftovers",
    "check_node",
  ],
  variables: ({ name, role, stack, on }) => ({
    host_name: name,
    role,
    control_groups: "/sys/fs/cgroup",
    processes: "/proc",
    modules_directory: "/lib/modules",
    data_directory: dataDirectory(role, stack),
    needed_mib: neededMebibytes[role],
    needed_for_change_mib: neededForChange,
    port: ports[role]?.port ?? "",
    port_owners: ports[role]?.owners ?? "",
    embedded_datastore: stack?.embedded ?? "",
    runs_etcd: String(runsEtcd(role, stack)),
    shared_node: on === undefined ? "" : `server ${on}`,
  }),
  sentences: {
    "no-root": () => "the login user is not root and did not become root through sudo. Give it password-less sudo.",
    system: (_, system = "an unknown system") =>
      `runs ${system}; only Debian and Ubuntu are supported. Use a host with one of them.`,
    release: (_, system = "an old release") =>
      `runs ${system}; Debian 12 or newer, or Ubuntu 24.04 or newer, is required, with their packages of HAProxy, MariaDB and systemd. Upgrade the system, or use another host.`,
    "etcd-release": (_, system = "an old release") =>
      `runs ${system}, whose etcd is 3.4, but K3s needs 3.5 or newer. Use a host with Debian 13 or newer, or Ubuntu 25.04 or newer, for a member of etcd.`,
    modules: (_, modules = "?", kernel = "?") =>
      `its kernel ${kernel} has no ${modules.replaceAll(" ", ", ")}, which a node needs. Install the kernel's modules there (on Ubuntu: apt-get install linux-modules-extra-${kernel}), reboot if the kernel was replaced, and run up again.`,
    "control-groups": (_, controllers = "?") =>
      `its kernel does not offer the control groups ${controllers.replaceAll(" ", ", ")}, which a node needs. Turn them on (on a Raspberry Pi: add "cgroup_memory=1 cgroup_enable=memory" to the line in /boot/firmware/cmdline.txt), reboot, and run up again.`,
    processor: (_, architecture = "unknown") =>
      `has the processor architecture ${architecture}; K3s is supported on x86_64 and aarch64 only. Use such a host.`,
    "no-systemd": () => "does not run systemd. Use a host that runs systemd.",
    disk: (_, free = "?", needed = "?", directory = "?") =>
      `has ${free} MiB free for ${directory} and needs ${needed} MiB. Free some space or use a larger disk.`,
    port: (_, port = "?", holder = "?") =>
      `port ${port} is in use by ${holder}. Stop that program or choose another port.`,
    "embedded-etcd": (_, path = "?") =>
      `has the embedded etcd of an earlier cluster in ${path}, which K3s would use instead of the configured datastore. Move it away.`,
    sqlite: (_, path = "?") =>
      `has the SQLite datastore of an earlier cluster in ${path}. Uninstall that K3s first, with its k3s-uninstall.sh; or, if it is this stack's own, set k3s-ha:datastore.movingFrom to sqlite, with a managed MariaDB.`,
    node: ({ role, name }, node = "?") =>
      `is the ${node}, but is configured as the ${roleWords[role]} ${name}. A host changes its role or its name in two steps: remove its entry and run up, which uninstalls K3s; then add it in its new role. If it was declared lost, reinstall it.`,
  },
  notes: {
    vxlan: (_, kernel = "?") =>
      `its kernel ${kernel} has no vxlan, which K3s's network needs unless flannel-backend is another. Install the kernel's modules there (on Ubuntu: apt-get install linux-modules-extra-${kernel}), and run up again.`,
  },
};
