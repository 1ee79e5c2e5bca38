/** The archives that K3s imports from its directory of images. */
const archive = /\.(tar|tar\.gz|tgz|tar\.zst|tzst|tar\.bz2|tbz|tar\.lz4|txt)$/;

/** Why an archive of images cannot be had from here, with the remedy, or undefined. */
export function imageSourceFault(source: string): string | undefined {
  const like =
    "write it like k3s-airgap-images-amd64.tar.zst, https://mirror.example.com/images.tar.gz or /srv/images.tar";
  if (/^https?:\/\//.test(source)) {
    const url = URL.canParse(source) ? new URL(source) : undefined;
    if (url === undefined || /\s/.test(source)) return `has to be a URL: ${like}`;
    if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "") {
      return "has to be a URL without a login, a query or a fragment, because the hosts store it in plain text: use a location that needs none";
    }
  } else if (!/^(\/[^\r\n\0]*\/)?[\w.+-]+$|^\/[\w.+-]+$/.test(source)) {
    return `has to be the name of a file of the release, a URL, or an absolute path on the nodes: ${like}`;
  }
  if (!archive.test(source))
    return `has to have the extension of an archive that K3s imports, such as .tar, .tar.gz or .tar.zst: ${like}`;
  return undefined;
}

/** The name that an archive has in K3s's directory of images. */
export function imageFileName(source: string): string {
  return decodeURIComponent(source.slice(source.lastIndexOf("/") + 1));
}
