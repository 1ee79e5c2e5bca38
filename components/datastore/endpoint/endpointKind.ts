import * as pulumi from "@pulumi/pulumi";
import type { ProvisionedDatastore } from "../datastore.ts";
import type { DatastoreKind } from "../datastoreKind.ts";
import { MySQLDatastore } from "../mysqlDatastore.ts";
import { PostgresDatastore } from "../postgresDatastore.ts";
import { type EngineName, parseDatastoreEndpoint } from "../engine/datastoreEndpoint.ts";
import type { ExternalDatastoreArgs } from "../externalDatastore.ts";
import type { EndpointArgs } from "./endpointAccess.ts";
import { EtcdDatastore } from "../etcdDatastore.ts";

/** A datastore at an endpoint, and its engine. */
export interface EndpointKindArgs extends EndpointArgs {
  engine: EngineName;
}

type Component = (
  name: string,
  endpoint: EndpointArgs,
  cluster: ExternalDatastoreArgs,
  opts?: pulumi.ComponentResourceOptions,
) => ProvisionedDatastore;

const components: Readonly<Record<EngineName, Component>> = {
  mysql: (name, endpoint, cluster, opts) => new MySQLDatastore(name, { ...cluster, endpoint }, opts),
  postgres: (name, endpoint, cluster, opts) => new PostgresDatastore(name, { ...cluster, ...endpoint }, opts),
  etcd: (name, endpoint, cluster, opts) => new EtcdDatastore(name, { ...cluster, ...endpoint }, opts),
};

/** A datastore at an endpoint, with an existing user. */
export const endpointKind: DatastoreKind<EndpointKindArgs> = {
  provision: (name, { engine, ...endpoint }, cluster, opts) => components[engine](name, endpoint, cluster, opts),
  addresses: ({ endpoint }) =>
    pulumi.unsecret(pulumi.output(endpoint)).apply((text) => {
      return parseDatastoreEndpoint(text)?.addresses.map(({ host }) => host) ?? [];
    }),
  configuredEndpoint: ({ endpoint }) => endpoint,
};
