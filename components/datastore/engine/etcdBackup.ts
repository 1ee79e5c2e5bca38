import * as pulumi from "@pulumi/pulumi";
import type { BackupDriver, BackupDriverSettings } from "../datastore.ts";
import { engineScripts } from "./scripts.ts";

/** An etcd that a host of one of its members backs up. */
export interface EtcdBackupSource {
  /** "host:port" of each member. */
  readonly addresses: pulumi.Input<readonly string[]>;
  /** Directory with the member's settings and certificates: `etcd.env`, `ca.crt`, `member.crt` and `member.key`. */
  readonly memberDirectory: string;
}

/** Backs up an etcd by snapshots of the member on the backup host, with that member's own certificate. */
export function etcdBackup({ addresses, memberDirectory }: EtcdBackupSource): BackupDriver {
  return {
    settings: pulumi.output(addresses).apply((each): BackupDriverSettings => ({
      database: "etcd",
      source: each.join(","),
      member_directory: memberDirectory,
    })),
    secretFiles: pulumi.output([]),
    secretPaths: [],
    packages: ["etcd-server", "etcd-client"],
    reading: [engineScripts.etcdSource, engineScripts.etcdVerification],
    replacing: [engineScripts.etcdReplacement],
  };
}
