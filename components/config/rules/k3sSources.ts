import { configPath } from "../configPath.ts";
import { imageFileName } from "../imageArchive.ts";
import { parseRegistryCredentials } from "../registries.ts";
import type { Problem } from "../problem.ts";
import type { Configuration } from "../schema.ts";

/** A binary on the hosts is fetched from nowhere, and nothing but its sha256 says what it is. */
export function contradictoryBinary({ k3s }: Configuration): Problem[] {
  if (k3s?.binary === undefined) return [];
  const problems: Problem[] = [];
  if (k3s.sha256 === undefined) {
    const fault = `is missing, but ${configPath("k3s", "binary")} names a file on the hosts, which only a checksum can verify: copy the sha256 from the release's list of checksums`;
    problems.push({ path: configPath("k3s", "sha256"), fault });
  }
  if (k3s.mirror !== undefined && !k3s.images.some(({ source }) => !source.includes("/"))) {
    const fault = `contradicts ${configPath("k3s", "binary")}, which disables downloads: remove one of them`;
    problems.push({ path: configPath("k3s", "mirror"), fault });
  }
  return problems;
}

/** Downloads over http:// can be forged and run as root: they need a checksum in the configuration, or a trusted network. */
export function plainMirror({ k3s }: Configuration): Problem[] {
  if (k3s?.mirror === undefined || !/^http:/i.test(k3s.mirror) || k3s.trustMirror) return [];
  const path = configPath("k3s", "mirror");
  const remedy = `use https://, or set ${configPath("k3s", "trustMirror")} to true for a network that only you control`;
  const is = `is ${JSON.stringify(k3s.mirror)}, so anyone on the network between could replace K3s by another program`;
  if (k3s.sha256 === undefined) {
    const sum = `set ${configPath("k3s", "sha256")} to the binary's sum from the release's list of checksums`;
    return [{ path, fault: `${is}: ${sum}, ${remedy}` }];
  }
  if (k3s.agentVersion === undefined || k3s.agentVersion === k3s.version) return [];
  const fault = `${is} for agents, since ${configPath("k3s", "sha256")} is that of ${k3s.version}, but they run ${k3s.agentVersion}: ${remedy}`;
  return [{ path, fault }];
}

/** Archives lie in one directory on the nodes. */
export function repeatedImages({ k3s }: Configuration): Problem[] {
  const images = k3s?.images ?? [];
  return images.flatMap((image, index) => {
    const { source } = image;
    const name = imageFileName(source);
    const first = images.findIndex((other) => imageFileName(other.source) === name && onSameNodes(other, image));
    if (first === index) return [];
    const fault = `has the file name ${JSON.stringify(name)} of ${configPath("k3s", "images", first)} too, but K3s takes all archives from one directory: rename one of them`;
    return [{ path: configPath("k3s", "images", index), fault }];
  });
}

/** Whether some node has both archives. */
function onSameNodes(a: { architecture?: string | undefined }, b: { architecture?: string | undefined }): boolean {
  return a.architecture === undefined || b.architecture === undefined || a.architecture === b.architecture;
}

/** A login that travels in the clear is no secret. */
export function loginsInTheClear({ k3s }: Configuration, credentials: string): Problem[] {
  const parsed = credentials === "" ? undefined : parseRegistryCredentials(credentials);
  if (parsed === undefined || "fault" in parsed || k3s?.registries === undefined) return [];
  return Object.entries(k3s.registries.mirrors).flatMap(([registry, { endpoint }]) =>
    endpoint.flatMap((url, index) => {
      const { protocol, host } = new URL(url);
      if (protocol !== "http:" || !(host in parsed.logins)) return [];
      const fault = `is ${JSON.stringify(url)}, but ${configPath("registryCredentials")} has a login for ${host}, which would be sent unencrypted: write https://, or remove the login`;
      return [{ path: configPath("k3s", "registries", "mirrors", registry, "endpoint", index), fault }];
    }),
  );
}

/** A pinned sha256 belongs to one release: agents with another release cannot use it. */
export function sourcesOfOneRelease({ k3s }: Configuration): Problem[] {
  if (k3s?.agentVersion === undefined || k3s.agentVersion === k3s.version) return [];
  const ofRelease = k3s.images.findIndex(({ source }) => !source.includes("/"));
  const path =
    k3s.binary !== undefined
      ? configPath("k3s", "binary")
      : ofRelease >= 0
        ? configPath("k3s", "images", ofRelease)
        : undefined;
  if (path === undefined) return [];
  const fault = `is of ${k3s.version}, but ${configPath("k3s", "agentVersion")} has agents run ${k3s.agentVersion}: remove one of them`;
  return [{ path, fault }];
}
