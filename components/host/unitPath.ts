/** The path of a unit of this program, or of a drop-in file: "haproxy.service.d/k3s-ha.conf". */
export function unitPath(name: string): string {
  return `/etc/systemd/system/${name}`;
}
