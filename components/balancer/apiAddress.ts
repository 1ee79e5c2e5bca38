import type * as pulumi from "@pulumi/pulumi";
import { type HostArgs, nodeAddressOf } from "../host/host.ts";

/** What of a cluster's load balancers decides at which names and addresses clients reach the API. */
export interface ApiPlaces {
  /** The hosts that run HAProxy by name. Default: none, with an external load balancer. */
  hosts?: Readonly<Record<string, HostArgs>> | undefined;
  /** The address that they share. */
  virtualIp?: { address: string } | undefined;
  /** A load balancer that this program does not run. */
  external?: { address: string } | undefined;
  /** More names and addresses. */
  names?: readonly string[] | undefined;
}

/** Every name and address of the load balancers: they go into the servers' certificates. */
export function apiNames({ hosts = {}, virtualIp, external, names = [] }: ApiPlaces): pulumi.Input<string>[] {
  return [
    ...(virtualIp === undefined ? [] : [virtualIp.address]),
    ...(external === undefined ? [] : [external.address]),
    ...Object.values(hosts).map(nodeAddressOf),
    ...names,
  ];
}

/** `https://address:port`, with brackets around an IPv6 address. */
export function apiEndpoint(address: string, port: number): string {
  return `https://${withPort(address, port)}`;
}

/** `address:port`, with brackets around an IPv6 address. */
export function withPort(address: string, port: number): string {
  return `${address.includes(":") ? `[${address}]` : address}:${port}`;
}
