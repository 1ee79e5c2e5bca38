import type * as pulumi from "@pulumi/pulumi";
import type { HostArgs } from "./host/host.ts";
import { HostCommand } from "./host/hostCommand.ts";
import { renderHostScript } from "./render/hostScript.ts";

/** Which K3s, and where from. */
export interface K3sReleaseArgs {
  /** The release, such as "v1.35.0+k3s1". */
  version: string;
  /** Where releases are fetched from, laid out like K3s's own: `<mirror>/<version>/k3s`. Default: K3s's own releases. */
  mirror?: string;
  /** sha256 of the binary, in hex; the release's own list has to agree. Default: that list alone. */
  sha256?: string | undefined;
}

const officialReleases = "https://github.com/k3s-io/k3s/releases/download";
const releasesDirectory = "/usr/local/lib/k3s-ha/k3s";

/** Where a release's binary lies on its hosts. */
export function releaseDirectory(version: string): string {
  return `${releasesDirectory}/${version}`;
}

/** What K3s needs of the distribution: to be fetched and verified, and to set up a node's network. */
const packages = ["ca-certificates", "conntrack", "curl", "iptables", "openssl", "procps"];

/** Fetches and verifies a release on a host, beside the one that runs. */
export function installRelease(
  name: string,
  host: HostArgs,
  hostName: string,
  release: K3sReleaseArgs,
  opts: pulumi.CustomResourceOptions,
): HostCommand {
  return new HostCommand(
    name,
    {
      host,
      script: renderHostScript({
        body: "k3sInstall",
        variables: {
          host_name: hostName,
          version: release.version,
          // GitHub's own spelling of the plus sign in a path.
          release_url: `${release.mirror ?? officialReleases}/${encodeURIComponent(release.version)}`,
          sha256: release.sha256 ?? "",
          releases_directory: releasesDirectory,
          packages,
        },
      }),
    },
    opts,
  );
}
