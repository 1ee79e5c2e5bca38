/** Debian packages that the sandbox, the builds and the tests need on this machine itself. */
import { chmod, readFile, rename, rm, writeFile } from "node:fs/promises";
import { execa } from "execa";
import { exists } from "./cache.ts";
import { step } from "./progress.ts";

/** What each is for stands beside it. */
const packages = [
  "ca-certificates", // downloads
  "curl", // downloads
  "debootstrap", // host images
  "gcc", // K3s has a C part
  "git", // Go modules' versions
  "haproxy", // tests check configurations with it
  "iproute2", // the hosts' network
  "libc6-dev", // K3s has a C part
  "mariadb-client", // tests
  "mariadb-server", // tests of backups and of the mysql plugin run one of their own
  "nftables", // tests check firewall rules with it
  "openssh-client", // the hosts' keys and shells
  "openssh-server", // tests of the command plugin run one of their own
  "openssl", // tests look at certificates
  "procps", // ps
  "shellcheck", // tests
  "socat", // tests ask HAProxy
  "systemd", // tests check units with systemd-analyze
  "systemd-container", // the hosts
  "util-linux", // namespaces
  "xz-utils", // Debian packages
  "zstd", // K3s's own archive
] as const;

/** Answers a package's wish to start its service with "no": the machine's services stay as they are. */
const policyPath = "/usr/sbin/policy-rc.d";

/** Installs what is missing. Nothing is started. Throws with apt's own words when it cannot. */
export async function installMachinePackages(): Promise<void> {
  const missing = await missingPackages();
  if (missing.length === 0) return;
  if (process.getuid?.() !== 0) {
    throw new Error(
      `These Debian packages are missing: ${missing.join(" ")}. Install them with apt-get, or run as root.`,
    );
  }
  await step(`Install Debian packages on this machine: ${missing.join(" ")}`, async () => {
    const kept = `${policyPath}.k3s-ha`;
    const hadPolicy = await exists(policyPath);
    if (hadPolicy) await rename(policyPath, kept);
    try {
      await writeFile(policyPath, "#!/bin/sh\nexit 101\n");
      await chmod(policyPath, 0o755);
      await apt(["update"]);
      await apt(["install", "--yes", "--no-install-recommends", ...missing]);
    } finally {
      if (hadPolicy) await rename(kept, policyPath);
      else await rm(policyPath, { force: true });
    }
  });
}

async function missingPackages(): Promise<string[]> {
  if (!(await readFile("/etc/os-release", "utf8").catch(() => "")).match(/debian|ubuntu/i)) {
    throw new Error("The sandbox installs what it needs with apt-get, so this machine has to run Debian or Ubuntu.");
  }
  const { stdout } = await execa(
    "dpkg-query",
    ["--show", "--showformat=${Package} ${db:Status-Status}\n", ...packages],
    // It fails when one is unknown, which is an answer too.
    { reject: false },
  );
  const installed = new Set(stdout.split("\n").flatMap((line) => /^(\S+) installed$/.exec(line)?.[1] ?? []));
  return packages.filter((name) => !installed.has(name));
}

async function apt(args: readonly string[]): Promise<void> {
  const { failed, all } = await execa("apt-get", ["--quiet", "--option", "DPkg::Lock::Timeout=300", ...args], {
    env: { DEBIAN_FRONTEND: "noninteractive" },
    stdin: "ignore",
    all: true,
    reject: false,
  });
  if (failed) {
    throw new Error(`apt-get ${args[0] ?? ""} failed. Its last lines:\n${all.split("\n").slice(-15).join("\n")}`);
  }
}
