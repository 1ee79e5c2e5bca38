import * as pulumi from "@pulumi/pulumi";
import type { Recorded } from "../contract/recorded.ts";
import type { BackupDriver, ProvisionedDatastore, ServerDatastore } from "./datastore.ts";
import { serverLogins } from "./datastoreAccess.ts";
import { asSuccessor } from "./datastoreTypes.ts";
import { endpointAccess, type EndpointArgs } from "./endpoint/endpointAccess.ts";
import { etcdEngine } from "./engine/etcd.ts";
import { type ExternalDatastoreArgs, firstServer, provisionExternal } from "./externalDatastore.ts";
import { memberCountFault } from "./etcd/memberCount.ts";
import { managedEtcd, type ManagedEtcdArgs } from "./etcd/managedEtcd.ts";

/** An etcd: either `managed`, or the endpoint of an existing one. */
export type EtcdDatastoreArgs = ExternalDatastoreArgs &
  (({ managed?: undefined } & EndpointArgs) | { managed: ManagedEtcdArgs });

/**
 * etcd as the external datastore, reached over verified TLS only, by client certificates, and checked from a K3s server
 * before K3s is started: one that it installs on hosts of its own, or an existing one. Deleting the component leaves the data.
 *
 * `protect` holds for everything but certificates, which are renewed by being replaced.
 */
export class EtcdDatastore extends pulumi.ComponentResource implements ProvisionedDatastore {
  /** K3s's `datastore-endpoint`. Secret. Known once the datastore is verified. */
  readonly endpoint: pulumi.Output<string>;
  /** PEM of the CA that signed the members' certificates. */
  readonly caCertificate: pulumi.Output<string>;
  readonly #provisioned: ProvisionedDatastore;

  /** @throws pulumi.InputPropertyError about a number of members that etcd gains nothing from. */
  constructor(name: string, args: EtcdDatastoreArgs, opts?: pulumi.ComponentResourceOptions) {
    firstServer(args.servers);
    if (args.managed !== undefined) requireMembers(args.managed);
    const type = "k3s-ha:index:EtcdDatastore";
    super(type, name, recordOf(args), asSuccessor(type, opts));
    const access =
      args.managed === undefined
        ? endpointAccess(args, etcdEngine.preflight)
        : managedEtcd(
            name,
            args.managed,
            { serverAddresses: serverLogins(args.servers, addressOf(args.managed)) },
            this,
          );
    this.#provisioned = provisionExternal(name, args, access, this);
    this.endpoint = this.#provisioned.endpoint;
    this.caCertificate = this.#provisioned.caCertificate;
    this.registerOutputs({ endpoint: this.endpoint, caCertificate: this.caCertificate });
  }

  get servers(): ServerDatastore {
    return this.#provisioned.servers;
  }

  get admits(): ProvisionedDatastore["admits"] {
    return this.#provisioned.admits;
  }

  get backup(): BackupDriver | undefined {
    return this.#provisioned.backup;
  }
}

function recordOf({ managed }: EtcdDatastoreArgs): Recorded["k3s-ha:index:EtcdDatastore"] {
  if (managed === undefined) return { kind: "given etcd", tls: "verified" };
  const { hosts, port = 2379, firewall = true } = managed;
  return { kind: "managed", hosts: Object.keys(hosts), port, firewall, tls: "verified" };
}

/** The members' address family is one, so that of the first is that of all. */
function addressOf({ hosts }: ManagedEtcdArgs): pulumi.Input<string> {
  const [first] = Object.values(hosts);
  return first?.nodeAddress ?? first?.address ?? "";
}

function requireMembers({ hosts }: ManagedEtcdArgs): void {
  const all = Object.values(hosts);
  const lost = all.filter(({ standIn }) => standIn !== undefined).length;
  const reason = memberCountFault(all.length, lost);
  if (reason !== undefined) throw new pulumi.InputPropertyError({ propertyPath: "managed.hosts", reason });
}
