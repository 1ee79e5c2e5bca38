/** Where systemd finds a unit of the program's, or a drop-in file of another one: "haproxy.service.d/k3s-ha.conf". */
export function unitPath(name: string): string {
  return `/etc/systemd/system/${name}`;
}
