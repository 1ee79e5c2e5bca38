const example = "v1.35.0+k3s1";

/** Why this is not a K3s release, with the remedy, or undefined. */
export function releaseFault(version: string): string | undefined {
  if (/^v\d+\.\d+\.\d+(-rc\d+)?\+k3s\d+$/.test(version)) return undefined;
  if (/^v?\d+\.\d+\.\d+$/.test(version)) {
    const whole = `${version.startsWith("v") ? "" : "v"}${version}+k3s1`;
    return `has to be a K3s release with +k3s: write K3s's own number too, such as ${whole}`;
  }
  if (/^\d/.test(version)) return `has to be a K3s release, which begins with "v": write it like ${example}`;
  return `has to be one fixed K3s release: write it like ${example}`;
}

/** Why releases cannot be fetched from here, with the remedy, or undefined. */
export function mirrorFault(mirror: string): string | undefined {
  const url = URL.canParse(mirror) ? new URL(mirror) : undefined;
  if (url === undefined || !["http:", "https:"].includes(url.protocol) || /\s/.test(mirror)) {
    return "has to be an http or https URL: write it like https://mirror.example.com/k3s";
  }
  if (url.username !== "" || url.password !== "") {
    return "has to be a URL without a login, because the hosts store it in plain text: use a mirror that needs none";
  }
  if (url.search !== "" || url.hash !== "") return "has to be a URL without a query or a fragment: remove them";
  if (mirror.endsWith("/")) return "has to end without a slash, because /<version>/k3s is appended: remove the slash";
  return undefined;
}
