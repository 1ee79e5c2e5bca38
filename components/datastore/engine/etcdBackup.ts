import * as pulumi from "@pulumi/pulumi";
import type { BackupDriver, BackupDriverSettings } from "../datastore.ts";
import { engineScripts } from "./scripts.ts";

/** An etcd that the host of one of its members backs up. */
export interface EtcdBackupSource {
  /** "host:port" of each member. */
  readonly addresses: pulumi.Input<readonly string[]>;
  /** The member's URL, or the path of the file with its settings. */
  readonly memberUrl: string;
  /** Paths on the member's host: the CA, and a certificate with its key that the member accepts. */
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
  /** Functions of the program that verify what was read. Default: a scratch member is started on it. */
  readonly verification?: URL;
}

/** Backs up an etcd by snapshots of the member on the backup host. */
export function etcdBackup(etcd: EtcdBackupSource): BackupDriver {
  return {
    settings: pulumi.output(etcd.addresses).apply((each): BackupDriverSettings => ({
      database: "etcd",
      source: each.join(","),
      member_url: etcd.memberUrl,
      member_ca: etcd.ca,
      member_certificate: etcd.certificate,
      member_key: etcd.key,
    })),
    secretFiles: pulumi.output([]),
    secretPaths: [],
    packages: ["etcd-server", "etcd-client"],
    reading: [engineScripts.etcdSource, engineScripts.etcdCopy, etcd.verification ?? engineScripts.etcdVerification],
    replacing: [engineScripts.etcdReplacement],
  };
}
