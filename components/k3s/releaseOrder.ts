/** The parts of a release such as "v1.35.0-rc2+k3s1" that tell which of two is newer, the most telling first. */
function releaseNumbers(release: string): [major: number, minor: number, ...rest: number[]] {
  const match = /^v(\d+)\.(\d+)\.(\d+)(?:-rc(\d+))?\+k3s(\d+)$/.exec(release);
  if (match === null) throw new Error(`${release} is not a release of K3s`);
  const [major = 0, minor = 0, patch = 0, candidate = Infinity, build = 0] = match
    .slice(1)
    .map((part) => ((part as string | undefined) === undefined ? Infinity : Number(part)));
  return [major, minor, patch, candidate, build];
}

/** Negative when `a` is older than `b`, positive when it is newer, 0 when they are the same. */
export function compareReleases(a: string, b: string): number {
  const others = releaseNumbers(b);
  for (const [index, part] of releaseNumbers(a).entries()) {
    const other = others[index] ?? 0;
    if (part !== other) return part < other ? -1 : 1;
  }
  return 0;
}

/** The number of minor versions from `older` to `newer`; Infinity across major ones. */
export function minorsBetween(older: string, newer: string): number {
  const [a, b] = [releaseNumbers(older), releaseNumbers(newer)];
  return a[0] === b[0] ? b[1] - a[1] : Infinity;
}

/**
 * Why a server that runs `installed` may not be changed to `wanted`, with the remedy, as a sentence that begins with the
 * server's name; undefined when it may. `leaving` is a release whose downgrade is confirmed.
 */
export function upgradeFault(
  server: string,
  installed: string,
  wanted: string,
  leaving: string | undefined,
): string | undefined {
  if (compareReleases(wanted, installed) < 0) {
    if (leaving === installed) return undefined;
    return `${server} runs K3s ${installed}, but k3s-ha:k3s.version is ${wanted}, which is older: an older release may not be able to read what a newer one has written to the datastore. Set the version to ${installed}; or restore the dump with the label pre-upgrade and set k3s-ha:k3s.goingBackFrom to ${installed}, as docs/day-two.md describes.`;
  }
  const minors = minorsBetween(installed, wanted);
  if (minors <= 1) return undefined;
  const [major, minor] = releaseNumbers(installed);
  return `${server} runs K3s ${installed}, but k3s-ha:k3s.version is ${wanted}: Kubernetes must not skip a minor version. Upgrade to the latest v${major}.${minor + 1} first.`;
}
