/**
 * What a host notes on its own disk when its boot is over. Reading it costs the host nothing, however often it is asked:
 * a login for every question would have a busy host fork one sshd after the other instead of booting.
 */
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { placeFile, placeLink, type HostDisk } from "./hostDisk.ts";
import { pathsOf, type Site } from "./state.ts";

/** How a boot ended. */
export interface BootReport {
  /** systemd's word: "running", or "degraded" when units failed. */
  readonly state: string;
  /** Names of the units that failed. */
  readonly failed: readonly string[];
}

const directory = "/usr/lib/sandbox-host";
const report = `${directory}/boot-report`;

const unit = `[Unit]
Description=Note for the sandbox that the boot is over

[Service]
# Started is enough for systemd: the boot must not wait for who waits for its end.
Type=exec
Environment=REPORT=${report}
ExecStart=${directory}/report-boot
Restart=on-failure
RestartSec=2

[Install]
WantedBy=multi-user.target
`;

/** Puts on the disk what notes the end of every boot. */
export async function placeBootReport(disk: HostDisk): Promise<void> {
  const script = await readFile(join(import.meta.dirname, "image", "report-boot.sh"), "utf8");
  await placeFile(disk, `${directory}/report-boot`, script, 0o755);
  await placeFile(disk, "/etc/systemd/system/sandbox-boot-report.service", unit);
  await placeLink(
    disk,
    "/etc/systemd/system/multi-user.target.wants/sandbox-boot-report.service",
    "../sandbox-boot-report.service",
  );
}

/** Forgets the last boot of a host that is off. */
export function forgetBoot(site: Site, host: string): Promise<void> {
  return rm(reportPath(site, host), { force: true });
}

/** Reads how the present boot ended; undefined while it lasts. */
export async function readBootReport(site: Site, host: string): Promise<BootReport | undefined> {
  let text: string;
  try {
    text = await readFile(reportPath(site, host), "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  const [state = "", ...units] = text.split("\n");
  return { state, failed: units.flatMap((line) => line.split(" ")[0] || []) };
}

function reportPath(site: Site, host: string): string {
  return join(pathsOf(site).host(host), "upper", report);
}
