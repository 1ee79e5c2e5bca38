import { type HostCheckPart, type HostRole, roleWords } from "./hostCheckPart.ts";
import { hostScripts } from "./scripts.ts";

/** Room that a role takes under /var, in MiB, with a margin: K3s and its images, a database, a proxy. */
const neededMebibytes: Readonly<Record<HostRole, number>> = {
  server: 2048,
  agent: 2048,
  datastore: 1024,
  loadBalancer: 256,
  backup: 1024,
};

/**
 * Room under /var, in MiB, that a change takes on a host that has its role already: packages, another release of K3s beside
 * the one that runs, files and their copies.
 */
const neededForChange = 256;

/** The port that a role listens on by default, and the programs that may already hold it: our own. */
const ports: Readonly<Partial<Record<HostRole, { port: string; owners: string }>>> = {
  server: { port: "6443", owners: "k3s k3s-server" },
};

/** Whether a host is one that the program can work on: system, disk, port, leftovers of earlier clusters. */
export const hostFitness: HostCheckPart = {
  script: hostScripts.hostFitness,
  checks: ["check_root", "check_system", "check_disk", "check_port", "check_leftovers", "check_node"],
  variables: ({ name, role }) => ({
    host_name: name,
    role,
    needed_mib: neededMebibytes[role],
    needed_for_change_mib: neededForChange,
    port: ports[role]?.port ?? "",
    port_owners: ports[role]?.owners ?? "",
  }),
  sentences: {
    "no-root": () => "the login user is not root and did not become root through sudo. Give it password-less sudo.",
    system: (_, system = "an unknown system") =>
      `runs ${system}; only Debian and Ubuntu are supported. Use a host with one of these.`,
    processor: (_, architecture = "unknown") =>
      `has the processor architecture ${architecture}; K3s is released for x86_64 and aarch64 here. Use such a host.`,
    "no-systemd": () => "does not run systemd. Use a host whose services systemd manages.",
    disk: (_, free = "?", needed = "?") =>
      `has ${free} MiB free under /var and needs ${needed} MiB. Free some space or use a larger disk.`,
    port: (_, port = "?", holder = "?") =>
      `port ${port} is taken by ${holder}. Stop that program or choose another port.`,
    "embedded-etcd": (_, path = "?") =>
      `holds the embedded etcd of an earlier cluster in ${path}, which K3s would prefer to the external datastore. Move it away.`,
    sqlite: (_, path = "?") =>
      `holds the SQLite datastore of an earlier cluster in ${path}. Uninstall that K3s first, with its k3s-uninstall.sh.`,
    node: ({ role, name }, node = "?") =>
      `is the ${node}, and is to be the ${roleWords[role]} ${name}. A host gets another role or another name in two steps: take its entry out and run up, which uninstalls K3s; then add it as what it is to be. If it was declared lost, install it anew.`,
  },
};
