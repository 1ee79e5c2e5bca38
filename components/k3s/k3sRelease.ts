import type * as pulumi from "@pulumi/pulumi";
import type { HostArgs } from "../host/host.ts";
import { HostCommand } from "../host/hostCommand.ts";
import type { RecordedRelease } from "../contract/recorded.ts";
import {
  balancerStateProgramPath,
  balancerStateSocket,
  stopDropInPath,
  stopProgramPath,
} from "../balancer/balancerState.ts";
import { serverHealthProgramPath, serverHealthSocket } from "../balancer/serverHealth.ts";
import type { Registries } from "./registries.ts";
import { renderHostScript } from "../host/hostScript.ts";
import { nodeFileVariables } from "./nodeFiles.ts";
import { type K3sRole, k3sUnitNames } from "./k3sUnit.ts";
import { hostScripts } from "../host/scripts.ts";
import { k3sScripts } from "./scripts.ts";
import { unitPath } from "../host/unitPath.ts";

/** Processor architectures that K3s is released for, as it names them. */
export type Architecture = "amd64" | "arm64";

/** A sha256 in hex, or one for each architecture that hosts have. A host whose own is missing is refused. */
export type Checksum = string | { readonly [architecture in Architecture]?: string | undefined };

/** An archive of images. */
export interface ImageArchive {
  /** A file of the release, a URL, or a path on the hosts. */
  readonly source: string;
  /** In hex. */
  readonly sha256: string;
  /** Of the hosts that have it. Default: all have it. */
  readonly architecture?: Architecture | undefined;
}

/** The K3s release and where it is downloaded from. */
export interface K3sReleaseArgs {
  /** The release, such as "v1.35.0+k3s1". */
  version: string;
  /** The URL of the releases, with the same layout as K3s's own: `<mirror>/<version>/k3s`. Default: K3s's own releases. */
  mirror?: string;
  /** sha256 of the binary; the release's own list has to agree. Default: that list alone. */
  sha256?: Checksum | undefined;
  /** Path of the binary on the hosts; needs `sha256`. Default: it is fetched. */
  binary?: string | undefined;
  /** Archives of images that K3s has before its first start. Default: none. */
  images?: readonly ImageArchive[];
  /** Image registries with their logins, secret. Default: none, images come from where their names say. */
  registries?: pulumi.Input<Registries> | undefined;
}

/** A release as its component records it. */
export function recordedRelease({ version, mirror, sha256 }: K3sReleaseArgs): RecordedRelease {
  return { version, mirror: mirror ?? officialReleases, ...(sha256 === undefined ? {} : { sha256 }) };
}

/** The URL of K3s's own releases. */
export const officialReleases = "https://github.com/k3s-io/k3s/releases/download";
const imagesDirectory = "/var/lib/rancher/k3s/agent/images";
const releasesDirectory = "/usr/local/lib/k3s-ha/k3s";

/** The path of a release's binary on its hosts. */
export function releaseDirectory(version: string): string {
  return `${releasesDirectory}/${version}`;
}

/** The path of K3s's settings. */
export const k3sConfigPath = "/etc/rancher/k3s/config.yaml";

/** The file that names the network interface for pod traffic, on hosts where flannel would use another than that of the node address. */
export const podNetworkPath = `${k3sConfigPath}.d/50-k3s-ha-pod-network.yaml`;

/** The path of a role's unit. */
export function k3sUnitPath(role: K3sRole): string {
  return unitPath(`${k3sUnitNames[role]}.service`);
}

/** Variables of the script `k3sUninstall`. */
export function uninstallVariables(role: K3sRole) {
  return {
    unit: k3sUnitNames[role],
    unit_path: k3sUnitPath(role),
    config_path: k3sConfigPath,
    pod_network_path: podNetworkPath,
    balancer_state_socket: balancerStateSocket,
    balancer_state_program: balancerStateProgramPath,
    server_health_socket: serverHealthSocket,
    server_health_program: serverHealthProgramPath,
    stop_program: stopProgramPath,
    stop_drop_in: stopDropInPath,
  };
}

/** Packages that K3s needs: for its download and verification, and for a node's network. */
const packages = ["ca-certificates", "conntrack", "curl", "iptables", "openssl", "procps"];

/** Variables of the script `k3sInstall` for every release. */
export const installVariables = {
  images_directory: imagesDirectory,
  releases_directory: releasesDirectory,
  packages,
};

/** Its variables for a release. */
export function releaseVariables(release: K3sReleaseArgs) {
  const { sha256 = "", images = [] } = release;
  const own = typeof sha256 === "string" ? {} : sha256;
  return {
    version: release.version,
    release_directory: releaseDirectory(release.version),
    // GitHub's own spelling of the plus sign in a path.
    release_url: `${release.mirror ?? officialReleases}/${encodeURIComponent(release.version)}`,
    sha256: typeof sha256 === "string" ? sha256 : "",
    sha256_amd64: own.amd64 ?? "",
    sha256_arm64: own.arm64 ?? "",
    binary: release.binary ?? "",
    image_sources: images.map(({ source }) => source),
    image_sums: images.map((image) => image.sha256),
    image_architectures: images.map(({ architecture }) => architecture ?? ""),
  };
}

/** Fetches and verifies a release and its images on a server, beside the one that runs; `node` begins the resource's name. */
export function installRelease(
  node: string,
  host: HostArgs,
  hostName: string,
  release: K3sReleaseArgs,
  opts: pulumi.CustomResourceOptions,
): HostCommand {
  return new HostCommand(
    `${node}-release`,
    {
      host,
      script: renderHostScript({
        body: k3sScripts.k3sRelease,
        parts: [
          hostScripts.originals,
          hostScripts.keptFiles,
          k3sScripts.k3sClaim,
          k3sScripts.nodeFiles,
          k3sScripts.k3sUninstall,
          k3sScripts.k3sInstall,
        ],
        variables: {
          host_name: hostName,
          node_name: hostName,
          role: "server",
          claim: node,
          ...installVariables,
          ...releaseVariables(release),
          ...uninstallVariables("server"),
          ...nodeFileVariables([]),
        },
      }),
    },
    opts,
  );
}
