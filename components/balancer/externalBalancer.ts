import * as pulumi from "@pulumi/pulumi";
import type { Recorded } from "../contract/recorded.ts";
import { type HostArgs, nodeAddressOf } from "../host/host.ts";
import { HostCommand } from "../host/hostCommand.ts";
import { renderHostScript } from "../host/hostScript.ts";
import { apiEndpoint, withPort } from "./apiAddress.ts";
import { apiPort } from "./balancerState.ts";
import { balancerScripts } from "./scripts.ts";
import { serverHealthPort } from "./serverHealth.ts";

/** Seconds in which a load balancer has to send a server to the API, beside those that its health checks take. */
const proofSeconds = 120;

/** A load balancer that this program does not run, such as a cloud's: it passes TCP to port 6443 of the servers. */
export interface ExternalLoadBalancer {
  /** IP address or DNS name that nodes and clients reach it at. */
  address: string;
  /** Port that it offers the API on. Default: 6443. */
  port?: number;
  /**
   * Seconds after which its health checks, of port 6442 of the servers over HTTP, have seen that a server leaves or is back: their
   * interval times their threshold, and the limit of one. Default: 30.
   */
  checkSeconds?: number;
}

/** Seconds after which the health checks of most load balancers have seen a change: three of them, ten seconds apart. */
export const defaultCheckSeconds = 30;

/** Arguments of {@link ExternalBalancer}. */
export interface ExternalBalancerArgs {
  /** The load balancer. */
  external: ExternalLoadBalancer;
  /** The servers by name. The first that is not lost verifies that the API is reached through the load balancer. */
  hosts: Readonly<Record<string, HostArgs>>;
}

/**
 * A load balancer that this program does not run. It is verified to lead to the API with the servers' own TLS; nothing of it is
 * changed.
 */
export class ExternalBalancer extends pulumi.ComponentResource {
  /** `https://address:port` of the API. Known once the load balancer is verified to serve it. */
  readonly apiEndpoint: pulumi.Output<string>;
  /** Addresses of the load balancer's hosts by name: none, since it has no host of the stack. */
  readonly addresses: Readonly<Record<string, pulumi.Output<string>>> = {};

  /** @throws pulumi.RunError when every server is lost. */
  constructor(name: string, args: ExternalBalancerArgs, opts?: pulumi.ComponentResourceOptions) {
    const { address, port = apiPort, checkSeconds = defaultCheckSeconds } = args.external;
    super(
      "k3s-ha:index:ExternalBalancer",
      name,
      { address, port, checkSeconds } satisfies Recorded["k3s-ha:index:ExternalBalancer"],
      opts,
    );
    const living = Object.entries(args.hosts).find(([, { standIn }]) => standIn === undefined);
    if (living === undefined) throw new pulumi.RunError("all servers are lost, so none reaches the load balancer");
    const [hostName, host] = living;
    const proof = new HostCommand(
      `${name}-proof`,
      {
        host,
        script: nodeAddressOf(host).apply((ownAddress) =>
          renderHostScript({
            body: balancerScripts.externalBalancer,
            variables: {
              host_name: hostName,
              endpoint: withPort(address, port),
              own_address: ownAddress.includes(":") ? `[${ownAddress}]` : ownAddress,
              api_port: apiPort,
              health_port: serverHealthPort,
              seconds: proofSeconds + checkSeconds,
            },
          }),
        ),
      },
      // Nothing of it is on the host, so its deletion needs no connection.
      { parent: this, retainOnDelete: true },
    );
    this.apiEndpoint = proof.urn.apply(() => apiEndpoint(address, port));
    this.registerOutputs({ apiEndpoint: this.apiEndpoint, addresses: this.addresses });
  }
}
