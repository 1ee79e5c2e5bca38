/**
 * Where Debian packages come from: the mirror that this machine's own apt uses, with the proxy and the other download
 * settings that it has. Nothing about mirrors stands in this project.
 */
import { readFile } from "node:fs/promises";
import { execa } from "execa";

/** The Debian release that hosts run. */
export const suite = "trixie";

/** Environment variable that names the mirror where this machine's apt does not, e.g. on Ubuntu. */
export const mirrorVariable = "K3S_HA_DEBIAN_MIRROR";

/** A mirror of Debian's archive. */
export interface PackageMirror {
  /** Base address, with a slash at its end. */
  readonly address: string;
  /** Base address of the security updates, when this machine's apt has one. */
  readonly securityAddress?: string;
  /** apt.conf lines for downloads: proxy, date checks. */
  readonly aptConfiguration: string;
  /** The proxy for HTTP, when apt has one. */
  readonly proxy?: string;
}

/** One source that apt reads, in the order of its configuration. */
export interface AptTarget {
  readonly address: string;
  readonly release: string;
  readonly component: string;
}

/** The machine's mirror. Throws, with the remedy, when its apt has no Debian mirror. */
export async function packageMirror(): Promise<PackageMirror> {
  const format = "$(REPO_URI)|$(RELEASE)|$(COMPONENT)";
  const { stdout: targets } = await execa("apt-get", ["indextargets", "--format", format]);
  const { stdout: settings } = await execa("apt-config", ["dump"]);
  const codename = /^VERSION_CODENAME=(\S+)$/m.exec(await readFile("/etc/os-release", "utf8"))?.[1] ?? "";
  const addresses = chooseMirror(parseTargets(targets), codename, process.env[mirrorVariable]);
  const proxy = /^Acquire::http::Proxy "(.+)";$/m.exec(settings)?.[1];
  return {
    ...addresses,
    aptConfiguration: settings
      .split("\n")
      .filter((line) => /^Acquire::(https?|Check-Valid-Until|Check-Date)\b.* "[^"]+";$/.test(line))
      .map((line) => `${line}\n`)
      .join(""),
    ...(proxy === undefined ? {} : { proxy }),
  };
}

/** Reads what `apt-get indextargets` prints. */
export function parseTargets(text: string): AptTarget[] {
  return text.split("\n").flatMap((line) => {
    const [address, release, component] = line.split("|");
    return address && release && component ? [{ address, release, component }] : [];
  });
}

/** Picks the mirror out of the machine's sources. `codename` is the release that the machine itself runs. */
export function chooseMirror(
  targets: readonly AptTarget[],
  codename: string,
  chosen?: string,
): { address: string; securityAddress?: string } {
  if (chosen) return { address: chosen.replace(/\/*$/, "/") };
  const debian = [
    "bullseye",
    "bookworm",
    "trixie",
    "forky",
    "duke",
    "sid",
    "oldstable",
    "stable",
    "testing",
    "unstable",
  ];
  const main = targets.filter(({ component }) => component === "main");
  const releases = debian.includes(codename) ? debian : [];
  const archive = main.find(({ release }) => releases.includes(release));
  if (archive === undefined) {
    throw new Error(
      `This machine's apt has no Debian mirror to build hosts from; set ${mirrorVariable} to one, such as the address in the sources of a Debian machine.`,
    );
  }
  const security = main.find(({ release }) => releases.some((name) => release === `${name}-security`));
  return { address: archive.address, ...(security === undefined ? {} : { securityAddress: security.address }) };
}

/** Sources of the hosts' release on a mirror, in apt's one-line format. */
export function aptSources(mirror: PackageMirror): string {
  const security = mirror.securityAddress ? `deb ${mirror.securityAddress} ${suite}-security main\n` : "";
  return `deb ${mirror.address} ${suite} main\n${security}`;
}
