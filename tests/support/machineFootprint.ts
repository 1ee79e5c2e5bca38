/** What a sandbox could leave on this machine, to be compared before and after. */
import { globSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { execa } from "execa";
import type { Site } from "../../sandbox/state.ts";

/** Settings of the machine that hosts and K3s would like to change. */
const settings = [
  "fs/inotify/max_user_instances",
  "fs/inotify/max_user_watches",
  "kernel/keys/root_maxkeys",
  "kernel/panic",
  "kernel/panic_on_oops",
  "net/ipv4/ip_forward",
  "net/netfilter/nf_conntrack_max",
  "vm/overcommit_memory",
  "vm/panic_on_oom",
];

/** Mounts, network interfaces, routes, namespaces, control groups, processes and settings. Other sandboxes, which may come
 * and go beside the site, do not count. */
export async function machineFootprint(site: Site): Promise<Record<string, unknown>> {
  const [mounts, links, routes, processes] = await Promise.all([
    readFile("/proc/self/mountinfo", "utf8"),
    execa("ip", ["-brief", "link"]),
    execa("ip", ["route", "show", "table", "all"]),
    execa("ps", ["-e", "-o", "args="]),
  ]);
  const isElsewhere = (text: string) =>
    [...text.matchAll(/\bk3s-ha(?:-sandbox)?(?:-\d)?(?![\w-])/g)].some(
      ([name]) => name !== site.name && name !== basename(site.stateDirectory),
    );
  const mountPoints = mounts.split("\n").map((line) => line.split(" ")[4] ?? "");
  return {
    mounts: mountPoints.filter((path) => !path.startsWith("/run/netns") && !isElsewhere(path)).toSorted(),
    links: links.stdout
      .split("\n")
      .map((line) => line.split(/[ @]/)[0] ?? "")
      .filter((name) => !isElsewhere(name)),
    routes: routes.stdout.split("\n").filter((line) => !isElsewhere(line)),
    namespaces: globSync(`/run/netns/${site.name}`),
    controlGroups: globSync(`/sys/fs/cgroup/**/${site.name}`),
    processes: processes.stdout.split("\n").filter((args) => args.includes(site.stateDirectory)),
    notes: globSync(["/run/systemd/nspawn/propagate/*-8", "/run/systemd/nspawn/unix-export/*-8"]),
    settings: await Promise.all(settings.map(async (name) => `${name} ${await readFile(`/proc/sys/${name}`, "utf8")}`)),
  };
}
