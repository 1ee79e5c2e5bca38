import * as pulumi from "@pulumi/pulumi";
import type { Recorded } from "../../contract/recorded.ts";
import type { BackupDriver, ProvisionedDatastore, ServerDatastore } from "../datastore.ts";
import { asSuccessor } from "../datastoreTypes.ts";
import { etcdEngine } from "../engine/etcd.ts";
import { type ExternalDatastoreArgs, provisionExternal } from "../externalDatastore.ts";
import { endpointAccess, type EndpointArgs } from "./endpointAccess.ts";

/** A datastore at an endpoint, with an existing user, and its clients. */
export interface EndpointDatastoreArgs extends EndpointArgs, ExternalDatastoreArgs {}

const engines = {
  "k3s-ha:index:EtcdDatastore": { name: "etcd", preflight: etcdEngine.preflight },
};

/** A datastore of which nothing but its endpoint is known: nothing is made on it, and no backup of it is taken. */
export class EndpointDatastore extends pulumi.ComponentResource implements ProvisionedDatastore {
  readonly endpoint: pulumi.Output<string>;
  readonly caCertificate: pulumi.Output<string>;
  readonly #provisioned: ProvisionedDatastore;

  constructor(
    type: "k3s-ha:index:EtcdDatastore",
    name: string,
    args: EndpointDatastoreArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    const engine = engines[type];
    const record: Recorded[typeof type] = { kind: `given ${engine.name}`, tls: "verified" };
    super(type, name, record, asSuccessor(type, opts));
    this.#provisioned = provisionExternal(name, args, endpointAccess(args, engine.preflight), this);
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

/** An existing etcd, reached over verified TLS only, and checked before K3s is started. */
export class EtcdDatastore extends EndpointDatastore {
  constructor(name: string, args: EndpointDatastoreArgs, opts?: pulumi.ComponentResourceOptions) {
    super("k3s-ha:index:EtcdDatastore", name, args, opts);
  }
}
