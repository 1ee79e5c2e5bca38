/**
 * The hosts' network: a bridge in a network namespace of its own, with one cable to this machine. Because the bridge is
 * not in the machine's namespace, the machine's firewall, forwarding and sysctls neither matter nor change, and all of
 * it is removed with the namespace. Hosts have a default route, as real hosts do; it ends at the bridge, which answers
 * that nothing else can be reached.
 */
import { readdir, readFile, writeFile } from "node:fs/promises";
import { execa } from "execa";
import { exists } from "../build/cache.ts";
import { bridgeAddress, machineAddress, type Site } from "./state.ts";

/** The bridge's name inside the namespace. */
export const bridge = "hosts";

/** The machine's cable, seen from the bridge. */
const port = "machine";

/** Path by which `nsenter --net` enters the namespace. */
export function namespacePath(site: Site): string {
  return `/run/netns/${site.name}`;
}

/** Makes the network, or leaves it alone when it is whole. Half of one, left by a run that was killed, is made again. */
export async function makeNetwork(site: Site): Promise<void> {
  if (await isWhole(site)) return;
  await removeNetwork(site);
  await loadBridgeFilter();
  const { name } = site;
  await ip(["netns", "add", name]);
  await ip(["-n", name, "link", "set", "lo", "up"]);
  await ip(["-n", name, "link", "add", bridge, "type", "bridge"]);
  await ip(["-n", name, "address", "add", `${bridgeAddress(site)}/24`, "dev", bridge]);
  await ip(["-n", name, "link", "set", bridge, "up"]);
  await ip(["-n", name, "route", "add", "unreachable", "default"]);
  // Forwarding on, so that the answer to everything else is "unreachable" at once rather than silence.
  await inNamespace(site, "echo 1 > /proc/sys/net/ipv4/ip_forward");
  await ip(["link", "add", name, "type", "veth", "peer", "name", port, "netns", name]);
  await ip(["-n", name, "link", "set", port, "master", bridge, "up"]);
  // The address comes last: it is what makes the network whole.
  await ip(["link", "set", name, "up"]);
  await ip(["address", "add", `${machineAddress(site)}/24`, "dev", name]);
}

/** Removes the network. Hosts must be down. Nothing happens when there is none. */
export async function removeNetwork(site: Site): Promise<void> {
  const interfaces = (await ipJson(["address", "show"])) as Interface[];
  if (interfaces.some(({ ifname }) => ifname === site.name)) await ip(["link", "delete", site.name]);
  if (await hasNamespace(site)) await ip(["netns", "delete", site.name]);
  await unmountEmptyNamespaces();
}

/** `ip netns` mounts a directory on itself, and makes that mount again whenever it needs it; the last one unmounts it. */
async function unmountEmptyNamespaces(): Promise<void> {
  const directory = "/run/netns";
  const mounts = await readFile("/proc/self/mountinfo", "utf8");
  if (!mounts.includes(` ${directory} `) || (await readdir(directory)).length > 0) return;
  // It fails if another process has made a namespace meanwhile, and then the mount is theirs.
  await execa("umount", [directory], { reject: false });
}

/** Names of the bridge's ports: `machine`, and `vb-<host>` for every host that is running. */
export async function bridgePorts(site: Site): Promise<string[]> {
  if (!(await hasNamespace(site))) return [];
  const links = (await ipJson(["-n", site.name, "link", "show", "master", bridge])) as Interface[];
  return links.flatMap(({ ifname }) => ifname ?? []);
}

/** The bridge's port that a host's cable is in. */
export function portOf(host: string): string {
  return `vb-${host}`;
}

/** Pulls a host's cable out of the bridge, if it is in. */
export async function unplug(site: Site, host: string): Promise<void> {
  const name = portOf(host);
  if (!(await bridgePorts(site)).includes(name)) return;
  const { failed, stderr } = await execa("ip", ["-n", site.name, "link", "delete", name], { reject: false });
  // The kernel may have been faster.
  if (failed && !stderr.includes("Cannot find device")) throw new Error(`cannot unplug ${host}: ${stderr}`);
}

/**
 * K3s needs bridged packets to pass its host's firewall, and a host cannot load the kernel's part for that itself. On
 * the machine's own bridges nothing changes.
 */
async function loadBridgeFilter(): Promise<void> {
  const settings = "/proc/sys/net/bridge";
  if (await exists(settings)) return;
  await execa("modprobe", ["br_netfilter"]);
  for (const name of ["arptables", "iptables", "ip6tables"])
    await writeFile(`${settings}/bridge-nf-call-${name}`, "0\n");
}

interface Interface {
  readonly ifname?: string;
  readonly addr_info?: readonly { readonly local?: string }[];
}

async function isWhole(site: Site): Promise<boolean> {
  if (!(await hasNamespace(site))) return false;
  const interfaces = (await ipJson(["address", "show"])) as Interface[];
  const ours = interfaces.find(({ ifname }) => ifname === site.name);
  return ours?.addr_info?.some(({ local }) => local === machineAddress(site)) ?? false;
}

async function hasNamespace(site: Site): Promise<boolean> {
  const { stdout } = await execa("ip", ["netns", "list"]);
  return stdout.split("\n").some((line) => line.split(" ")[0] === site.name);
}

async function inNamespace(site: Site, script: string): Promise<void> {
  await execa("nsenter", [`--net=${namespacePath(site)}`, "sh", "-c", script]);
}

async function ip(args: readonly string[]): Promise<void> {
  await execa("ip", args);
}

async function ipJson(args: readonly string[]): Promise<unknown> {
  const { stdout } = await execa("ip", ["-json", ...args]);
  return stdout === "" ? [] : JSON.parse(stdout);
}
