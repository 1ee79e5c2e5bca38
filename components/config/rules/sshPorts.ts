import { configPath } from "../configPath.ts";
import { managedPort } from "../managedDatastore.ts";
import type { ConfiguredHost } from "../hosts.ts";
import type { Problem } from "../problem.ts";
import type { Configuration } from "../schema.ts";

/** No other program can listen on sshd's port of a host. */
export function portsOfSshd({ loadBalancer, datastore }: Configuration, hosts: readonly ConfiguredHost[]): Problem[] {
  const wanted = [
    { path: configPath("loadBalancer", "port"), port: loadBalancer?.port, role: "loadBalancer" },
    { path: configPath("loadBalancer", "statsPort"), port: loadBalancer?.statsPort, role: "loadBalancer" },
    {
      path: configPath("datastore", "managed", "port"),
      port: datastore?.managed && managedPort(datastore.managed),
      role: "datastore",
    },
    {
      path: configPath("datastore", "managed", "peerPort"),
      port: datastore?.managed?.engine === "etcd" ? (datastore.managed.peerPort ?? 2380) : undefined,
      role: "datastore",
    },
  ];
  return wanted.flatMap(({ path, port, role }) => {
    const host = hosts.find((each) => each.role === role && each.port === port);
    if (host === undefined) return [];
    return [{ path, fault: `is ${host.port}, but sshd listens on that port of ${host.path}: choose another port` }];
  });
}
