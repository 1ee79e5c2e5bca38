/** Makes a host that is off: its disk, its identity and its record. */
import { randomBytes } from "node:crypto";
import { mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { placeBootReport } from "./bootReport.ts";
import type { CatalogHost } from "./hostCatalog.ts";
import { makeDisk, placeFile, placeLink, type HostDisk } from "./hostDisk.ts";
import { writeHost, type HostRecord, type Login } from "./hostRecord.ts";
import type { Flavour, Image } from "./image.ts";
import { placeK3sSettings, type K3sPreload } from "./k3sHostSettings.ts";
import { mirrorUrl } from "./mirrorProcess.ts";
import { clientPublicKey } from "./ssh.ts";
import { bridgeAddress, pathsOf, type Site } from "./state.ts";

/** How a host is made. */
export interface HostPlan extends CatalogHost {
  readonly login: Login;
  readonly flavour: Flavour;
}

/** Services that the image has switched off and that run on a database's host from the first boot. */
const enabledServices = { default: ["mariadb.service"], bare: [], mysql: ["mysql.service"] } as const;

const hostDirectory = "/usr/lib/sandbox-host";

/** Makes the host again. What a killed run left of it is removed first; its processes must be gone. */
export async function prepareHost(site: Site, plan: HostPlan, image: Image, preload?: K3sPreload): Promise<HostRecord> {
  const directory = pathsOf(site).host(plan.name);
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const disk: HostDisk = { directory, layers: image.layers };
  await makeDisk(disk);
  await placeIdentity(disk, plan);
  await placeNetwork(site, disk, plan);
  await placeBootReport(disk);
  await placeLogin(site, disk, plan.login);
  await placePackageSource(site, disk);
  if (plan.role === "database") {
    for (const service of enabledServices[plan.flavour]) {
      await placeLink(
        disk,
        `/etc/systemd/system/multi-user.target.wants/${service}`,
        `/usr/lib/systemd/system/${service}`,
      );
    }
  }
  if (plan.role === "server" || plan.role === "agent") await placeK3sSettings(disk, plan.role, preload);
  const hostKey = await placeHostKey(disk);
  const host: HostRecord = { ...plan, layers: image.layers, hostKey };
  await writeHost(site, host);
  return host;
}

async function placeIdentity(disk: HostDisk, { name }: CatalogHost): Promise<void> {
  await placeFile(disk, "/etc/hostname", `${name}\n`);
  await placeFile(disk, "/etc/hosts", `127.0.0.1 localhost\n127.0.1.1 ${name}\n::1 localhost\n`);
  await placeFile(disk, "/etc/machine-id", `${randomBytes(16).toString("hex")}\n`, 0o444);
}

async function placeNetwork(site: Site, disk: HostDisk, { address }: CatalogHost): Promise<void> {
  const script = await readFile(join(import.meta.dirname, "image", "boot.sh"), "utf8");
  const unit = `[Unit]
Description=Set the host's address
DefaultDependencies=no
Before=sysinit.target network-pre.target network.target
Wants=network.target

[Service]
Type=oneshot
RemainAfterExit=yes
Environment=ADDRESS=${address} GATEWAY=${bridgeAddress(site)}
ExecStart=${hostDirectory}/boot

[Install]
WantedBy=sysinit.target
`;
  await placeFile(disk, `${hostDirectory}/boot`, script, 0o755);
  await placeFile(disk, "/etc/systemd/system/sandbox-host.service", unit);
  await placeLink(disk, "/etc/systemd/system/sysinit.target.wants/sandbox-host.service", "../sandbox-host.service");
}

async function placeLogin(site: Site, disk: HostDisk, login: Login): Promise<void> {
  const key = await clientPublicKey(site);
  if (login === "root") {
    await placeFile(disk, "/root/.ssh/authorized_keys", key, 0o600);
    return;
  }
  await placeFile(disk, "/home/admin/.ssh/authorized_keys", key, 0o644);
  await placeFile(disk, "/etc/sudoers.d/admin", "admin ALL=(ALL:ALL) NOPASSWD: ALL\n", 0o440);
  await placeFile(disk, "/etc/ssh/sshd_config.d/10-login.conf", "PermitRootLogin no\n");
}

async function placePackageSource(site: Site, disk: HostDisk): Promise<void> {
  const source = `Types: deb\nURIs: ${mirrorUrl(site)}/debian/\nSuites: ./\nTrusted: yes\n`;
  await placeFile(disk, "/etc/apt/sources.list.d/sandbox.sources", source);
}

async function placeHostKey(disk: HostDisk): Promise<string> {
  const path = "/etc/ssh/ssh_host_ed25519_key";
  const made = join(disk.directory, "ssh_host_ed25519_key");
  await execa("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", made]);
  const publicKey = await readFile(`${made}.pub`, "utf8");
  await placeFile(disk, path, await readFile(made, "utf8"), 0o600);
  await placeFile(disk, `${path}.pub`, publicKey);
  await rm(made);
  await rm(`${made}.pub`);
  return publicKey.trim();
}
