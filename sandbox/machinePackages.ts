/** Programs that this machine itself needs to make hosts, installed with its own apt. */
import { readFile, rm, writeFile } from "node:fs/promises";
import { execa } from "execa";
import { exists } from "../build/cache.ts";
import { step } from "../build/progress.ts";

/** Debian packages of the machine, and what each is for. */
export const machinePackages = [
  "age", // tests of backups encrypt with it
  "apt-utils", // the package repository's index
  "ca-certificates",
  "chromium", // tests open the page of the drill
  "curl",
  "debian-archive-keyring", // debootstrap checks the archive with it
  "debootstrap",
  "gcc", // K3s, from source, has C in it
  "haproxy", // `haproxy -c` on rendered configuration
  "iproute2",
  "keepalived", // `keepalived -t` on rendered configuration
  "libc6-dev",
  "mariadb-client",
  "mariadb-server", // tests of backups and of the mysql plugin run one of their own
  "nftables", // tests check firewall rules with it
  "openssh-client",
  "openssh-server", // tests of the command plugin run one of their own
  "openssl",
  "postgresql", // tests of PostgreSQL's status run one of their own
  "procps",
  "rclone", // tests of backups copy with it
  "shellcheck",
  "socat", // tests ask HAProxy
  "systemd", // systemd-analyze on rendered units
  "systemd-container", // systemd-nspawn
  "zstd",
] as const;

/** Packages that would start a service once installed; it must stay off. */
const services = {
  haproxy: "haproxy.service",
  keepalived: "keepalived.service",
  "mariadb-server": "mariadb.service",
  nftables: "nftables.service",
  "openssh-server": "ssh.service",
  postgresql: "postgresql.service",
} as const;

const policyPath = "/usr/sbin/policy-rc.d";
const policyMark = "# k3s-ha: temporary, while packages are being installed";

/** Installs what is missing. Throws, naming the packages, on a machine without apt. */
export async function installMachinePackages(): Promise<void> {
  const missing = await missingPackages();
  if (missing.length === 0) return;
  if (!(await exists("/usr/bin/apt-get"))) {
    throw new Error(
      `This machine has no apt-get; install the content of these Debian packages: ${missing.join(", ")}.`,
    );
  }
  await step(`Install ${missing.join(", ")}`, async () => {
    // Package lists may be missing, or older than the mirror.
    if (!(await install(missing))) {
      await apt(["update"]);
      if (!(await install(missing)))
        throw new Error(`apt-get could not install ${missing.join(", ")}; its reason is above.`);
    }
  });
}

/** Those of `machinePackages` that are not installed. */
async function missingPackages(): Promise<string[]> {
  const format = "${binary:Package} ${db:Status-Status}\n";
  const query = await execa("dpkg-query", ["--show", `--showformat=${format}`, ...machinePackages], { reject: false });
  if (query.code === "ENOENT") return [...machinePackages];
  const installed = new Set(
    query.stdout
      .split("\n")
      .filter((line) => line.endsWith(" installed"))
      .map((line) => line.replace(/[: ].*/, "")),
  );
  return machinePackages.filter((name) => !installed.has(name));
}

async function install(packages: readonly string[]): Promise<boolean> {
  return withServicesOff(packages, () => apt(["install", "--assume-yes", "--no-install-recommends", ...packages]));
}

/** Waits for other users of apt. Its messages go to stderr, for the user. */
async function apt(args: readonly string[]): Promise<boolean> {
  const { failed } = await execa("apt-get", ["--quiet", "-o", "DPkg::Lock::Timeout=600", ...args], {
    env: { DEBIAN_FRONTEND: "noninteractive" },
    stdio: ["ignore", process.stderr, process.stderr],
    reject: false,
  });
  return !failed;
}

/** Where systemd runs the machine, keeps it from starting what is being installed, now and at its next boot. */
async function withServicesOff(packages: readonly string[], work: () => Promise<boolean>): Promise<boolean> {
  if (!(await exists("/run/systemd/system"))) return work();
  const before = await readFile(policyPath, "utf8").catch(() => undefined);
  // A file with our mark was left by a run that was killed.
  const original = before?.includes(policyMark) ? undefined : before;
  if (original === undefined) await writeFile(policyPath, `#!/bin/sh\n${policyMark}\nexit 101\n`, { mode: 0o755 });
  try {
    const done = await work();
    for (const name of packages) {
      const service = (services as Record<string, string>)[name];
      if (done && service) await execa("systemctl", ["disable", "--now", service]);
    }
    return done;
  } finally {
    if (original === undefined) await rm(policyPath, { force: true });
  }
}
