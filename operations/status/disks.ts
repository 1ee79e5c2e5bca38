/** Disk space on the hosts: which directories grow, and when what is left of their file systems is too little. */
import type { OwnDatabase } from "../../components/datastore/datastoreKind.ts";
import { etcdDataDirectory } from "../../components/datastore/etcd/etcdConfig.ts";
import type { HostRole } from "../../components/host/hostCheckPart.ts";

/** The free space of the file system of a directory. */
export interface DiskFact {
  /** The directory that grows. */
  readonly path: string;
  /** The mount point of its file system. */
  readonly mount: string;
  readonly usedBytes: number;
  readonly freeBytes: number;
  /** Both 0 where a file system has no fixed number of inodes. */
  readonly inodesUsed: number;
  readonly inodesFree: number;
}

/**
 * Share of free space, in percent, below which a disk is reported. The kubelet that K3s configures deletes unused images to
 * keep 15 % free, and evicts pods at 5 %; a disk between the two is one that deleting images no longer helps.
 */
export const freePercent = 10;

/** Bytes that are plenty for a datastore or its backups, whatever their share of the disk: many days of growth. */
export const plentyBytes = 20 * 2 ** 30;

/** Bytes that are too few on any disk: packages, logs and a copy of the table during a restore take as much. */
export const fewBytes = 2 ** 30;

/** Share of free inodes, in percent, below which a disk is reported: without any, nothing can be created. */
export const freeInodesPercent = 5;

const mariadb = "/var/lib/mysql";
const postgres = "/var/lib/postgresql";
const k3s = "/var/lib/rancher";

/** The directories that grow on a host of this role; `backups` is where backups are kept, if this host takes them. */
export function growingDirectories(
  role: HostRole,
  backups: string | undefined,
  engine: OwnDatabase["engine"] | "etcd" = "mariadb",
): string[] {
  const datastore = { mariadb, postgres, etcd: etcdDataDirectory }[engine];
  return [
    ...(role === "datastore" ? [datastore] : []),
    ...(role === "server" || role === "agent" ? [k3s] : []),
    ...(backups === undefined ? [] : [backups]),
  ];
}

/** A sentence for each file system of a host that is running out of space or of inodes, with what to do. */
export function diskProblems(host: string, disks: readonly DiskFact[]): string[] {
  const low = disks.flatMap((disk) => {
    const shortage = shortageOf(disk);
    return shortage === undefined ? [] : [{ ...disk, shortage }];
  });
  return [...Map.groupBy(low, ({ mount }) => mount)].map(([mount, disksThere]) => {
    const directories = disksThere.map(({ path }) => path).join(" and ");
    const consequences = disksThere.map(({ path }) => consequenceOf(path)).join(", and ");
    return `${host}: the file system ${mount} with ${directories} has ${disksThere[0]?.shortage ?? ""} left. When it is full, ${consequences}. Enlarge it, or make room: "du -xh --max-depth=3 ${mount} | sort -h | tail -n 20" there shows what uses it.`;
  });
}

/** Share of a disk that is free, in percent. */
export function freeShare({ usedBytes, freeBytes }: Pick<DiskFact, "usedBytes" | "freeBytes">): number {
  return (100 * freeBytes) / (usedBytes + freeBytes);
}

/** The free space, in words, if it is too little. */
function shortageOf({ path, usedBytes, freeBytes, inodesUsed, inodesFree }: DiskFact): string | undefined {
  const percent = freeShare({ usedBytes, freeBytes });
  // The kubelet uses the share alone.
  const isLow = percent < freePercent && (path === k3s || freeBytes < plentyBytes);
  if (isLow || freeBytes < fewBytes) return `${sizeText(freeBytes)} (${Math.floor(percent)} %)`;
  const inodes = inodesUsed + inodesFree;
  if (inodes > 0 && (100 * inodesFree) / inodes < freeInodesPercent) return `${inodesFree.toLocaleString("en")} inodes`;
  return undefined;
}

function consequenceOf(path: string): string {
  if (path === etcdDataDirectory) return "this member of etcd stops";
  if (path === mariadb) return "MariaDB stops and no server can write";
  if (path === postgres) return "PostgreSQL stops and no server can write";
  if (path === k3s) return "the kubelet evicts pods (at 5 %) and K3s stops";
  return "no backup can be taken";
}

/** A size as people read it: "1.5 GiB". */
export function sizeText(bytes: number): string {
  const mebibytes = bytes / 2 ** 20;
  return mebibytes < 1024 ? `${mebibytes.toFixed(0)} MiB` : `${(mebibytes / 1024).toFixed(1)} GiB`;
}
