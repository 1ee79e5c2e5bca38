import * as pulumi from "@pulumi/pulumi";
import type { Recorded } from "../../contract/recorded.ts";
import { type HostArgs, nodeAddressOf } from "../../host/host.ts";
import { HostCommand } from "../../host/hostCommand.ts";
import { renderHostScript } from "../../host/hostScript.ts";
import type { BackupDriver, ProvisionedDatastore, ServerDatastore } from "../datastore.ts";
import { addressText } from "../engine/datastoreEndpoint.ts";
import { etcdBackup } from "../engine/etcdBackup.ts";
import { engineScripts } from "../engine/scripts.ts";
import { embeddedScripts } from "./scripts.ts";
import { serverCountFault } from "./serverCount.ts";

/** The permission to begin the cluster's etcd, on the host that has it. */
export const etcdInitMark = "/var/lib/k3s-ha/etcd-begins";

/** A file with the address of the first server, for a restore on a host that K3s is not yet on. */
export const etcdAddressPath = "/var/lib/k3s-ha/etcd-address";

/** K3s's certificates of its own etcd. */
export const embeddedEtcdTls = "/var/lib/rancher/k3s/server/tls/etcd";

/** K3s's own etcd, and the servers that are its members. */
export interface EmbeddedEtcdArgs {
  /** The servers by their names: one, or three and more. */
  servers: Readonly<Record<string, HostArgs>>;
  /** Whether an empty cluster may take the place of one whose data are gone with its hosts. Default: false. */
  startsEmpty?: boolean | undefined;
}

/**
 * The etcd that K3s runs in its servers. The first server begins it, the others join one by one, each behind the verification that
 * the one before is a healthy voter. A server that is removed takes its member out first.
 */
export class EmbeddedEtcdDatastore extends pulumi.ComponentResource implements ProvisionedDatastore {
  readonly endpoint: pulumi.Output<string>;
  readonly caCertificate: pulumi.Output<string>;
  readonly servers: ServerDatastore;
  readonly admits: ProvisionedDatastore["admits"];
  readonly backup: BackupDriver;

  /** @throws pulumi.InputPropertyError about no servers, about two, and about too many that are lost. */
  constructor(name: string, args: EmbeddedEtcdArgs, opts?: pulumi.ComponentResourceOptions) {
    const living = Object.entries(args.servers).filter(([, { standIn }]) => standIn === undefined);
    const [first] = living;
    const fault = serverCountFault(Object.keys(args.servers).length, living.length);
    if (fault !== undefined || first === undefined)
      throw new pulumi.InputPropertyError({ propertyPath: "servers", reason: fault ?? "has to name a server" });
    super("k3s-ha:index:EmbeddedEtcdDatastore", name, recordOf(args), opts);
    const begin = permitBeginning(name, first, args.startsEmpty ?? false, this);
    const addressesBut = (server?: string) =>
      pulumi.all(living.filter(([other]) => other !== server).map(([, other]) => nodeAddressOf(other)));
    this.servers = {
      // Backups take their place. These would hold the cluster's secrets on every server.
      config: { "etcd-disable-snapshots": true },
      secretConfig: {},
      secretFiles: [],
      environment: {},
      identity: pulumi.output({ addresses: [], schema: "embedded etcd", startTls: "" }),
      guard: {
        scripts: [engineScripts.etcdPackages, embeddedScripts.etcdServer],
        variables: (server) =>
          addressesBut(server).apply((peers) => ({
            init_mark: etcdInitMark,
            address_path: etcdAddressPath,
            peer_addresses: peers,
          })),
      },
    };
    this.backup = etcdBackup({
      addresses: addressesBut().apply((each) => each.map((host) => addressText({ host, port: 2379 }))),
      memberUrl: "https://127.0.0.1:2379",
      ca: `${embeddedEtcdTls}/server-ca.crt`,
      certificate: `${embeddedEtcdTls}/client.crt`,
      key: `${embeddedEtcdTls}/client.key`,
      verification: embeddedScripts.etcdFileVerification,
    });
    this.endpoint = pulumi.secret("");
    this.caCertificate = pulumi.output("");
    this.admits = Object.fromEntries(Object.keys(args.servers).map((server) => [server, [begin]]));
    this.registerOutputs({ endpoint: this.endpoint, caCertificate: this.caCertificate });
  }
}

function recordOf({ servers }: EmbeddedEtcdArgs): Recorded["k3s-ha:index:EmbeddedEtcdDatastore"] {
  return { kind: "embedded etcd", hosts: Object.keys(servers) };
}

function permitBeginning(
  name: string,
  [hostName, host]: [string, HostArgs],
  startsEmpty: boolean,
  parent: pulumi.Resource,
): HostCommand {
  return new HostCommand(
    `${name}-begin`,
    {
      host,
      onChange: "reapply",
      script: pulumi.output(nodeAddressOf(host)).apply((address) =>
        renderHostScript({
          body: embeddedScripts.etcdBegin,
          parts: [engineScripts.etcdPackages],
          variables: {
            host_name: hostName,
            node_address: address,
            init_mark: etcdInitMark,
            address_path: etcdAddressPath,
            starts_empty: String(startsEmpty),
          },
        }),
      ),
    },
    { parent, protect: false, retainOnDelete: true },
  );
}
