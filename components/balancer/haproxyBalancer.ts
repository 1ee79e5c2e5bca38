import { createHash } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import type { ClientCertificate } from "../identity/clusterIdentity.ts";
import { type HostArgs, nodeAddressOf } from "../host/host.ts";
import { HostCommand } from "../host/hostCommand.ts";
import type { Recorded } from "../contract/recorded.ts";
import { haproxySocket, renderHaproxyConfig } from "./haproxyConfig.ts";
import { renderHostScript } from "../host/hostScript.ts";
import { renderRestartDropIn } from "./restartDropIn.ts";
import { shareVirtualIp, type VirtualIp, virtualIpPackages } from "./virtualIp.ts";
import { balancerScripts } from "./scripts.ts";
import { hostScripts } from "../host/scripts.ts";
import { unitPath } from "../host/unitPath.ts";
import { apiEndpoint, withPort } from "./apiAddress.ts";
import { apiPort } from "./balancerState.ts";

/** The hosts that balance the API, and what is behind them. */
export interface HAProxyBalancerArgs {
  /** The hosts by name. */
  hosts: Readonly<Record<string, HostArgs>>;
  /** The servers' addresses by name; each becomes known when its server is ready, and only then is configured. */
  servers: Readonly<Record<string, pulumi.Input<string>>>;
  /** PEM of the CA that signs what the servers show. */
  serverCaCertificate: pulumi.Input<string>;
  /** The certificate that readiness is asked with. */
  healthCertificate: ClientCertificate;
  /** The address that two hosts or more share, and that clients know. Default: none, for a single host. */
  virtualIp?: VirtualIp | undefined;
  /** Port that the API is offered on. Default: 6443. */
  port?: number;
  /** Connections at the same time, per host. Default: 4000, which fits the 8,192 file descriptors of a small system. */
  maxConnections?: number;
  /** Seconds after which a connection is closed that nothing was sent on, such as an idle exec. Default: 86400, a day. */
  idleSeconds?: number;
  /** IP address of each host, by its name, that its statistics and metrics are served on. Default: 127.0.0.1. */
  statsAddresses?: Readonly<Record<string, string>>;
  /** Port of the statistics and metrics. Default: 8404. */
  statsPort?: number;
}

const configDirectory = "/etc/haproxy/k3s-ha";

/** Certificate and key that HAProxy asks servers for their readiness with. */
export const healthCertificatePath = `${configDirectory}/health.pem`;

const dropInPath = unitPath("haproxy.service.d/k3s-ha.conf");

/**
 * HAProxy in front of the servers: the one address that agents and clients know. With several hosts that is a virtual
 * one, which keepalived moves away from a host that fails.
 */
export class HAProxyBalancer extends pulumi.ComponentResource {
  /** `https://address:port` of the API. Known once the load balancer is verified to serve it. */
  readonly apiEndpoint: pulumi.Output<string>;
  /** Addresses of the load balancer's hosts by name. */
  readonly addresses: Readonly<Record<string, pulumi.Output<string>>>;

  constructor(name: string, args: HAProxyBalancerArgs, opts?: pulumi.ComponentResourceOptions) {
    const { port = apiPort, maxConnections = 4000 } = args;
    super(
      "k3s-ha:index:HAProxyBalancer",
      name,
      { hosts: Object.keys(args.hosts), port, maxConnections } satisfies Recorded["k3s-ha:index:HAProxyBalancer"],
      opts,
    );
    const addresses: Record<string, pulumi.Output<string>> = {};
    const services: HostCommand[] = [];
    let installed: HostCommand | undefined;
    for (const [hostName, host] of Object.entries(args.hosts)) {
      const packages = this.installPackages(`${name}-${hostName}`, hostName, host, args, installed);
      const service = this.runHaproxy(`${name}-${hostName}`, hostName, host, args, packages, services.at(-1));
      addresses[hostName] = nodeAddressOf(host);
      installed = packages;
      services.push(service);
    }
    this.addresses = addresses;
    // Not before all of them serve: the address may be at any of them.
    const sharers: HostCommand[] = [];
    if (args.virtualIp !== undefined) {
      for (const [hostName, host] of Object.entries(args.hosts)) {
        const { [hostName]: ownAddress = "", ...others } = addresses;
        const sharer = shareVirtualIp(
          `${name}-${hostName}-address`,
          {
            host,
            hostName,
            virtualIp: args.virtualIp,
            port,
            ownAddress,
            peerAddresses: Object.values(others),
          },
          { parent: this, dependsOn: [...services, ...sharers.slice(-1)] },
        );
        sharers.push(sharer);
      }
    }
    const address = args.virtualIp?.address ?? Object.values(addresses)[0] ?? "";
    this.apiEndpoint = pulumi
      .all([address, [...services, ...sharers].map((command) => command.urn)])
      .apply(([known]) => apiEndpoint(known, port));
    this.registerOutputs({ apiEndpoint: this.apiEndpoint, addresses: this.addresses });
  }

  /** Never on two hosts at the same time: a package may restart HAProxy or keepalived. */
  private installPackages(
    name: string,
    hostName: string,
    host: HostArgs,
    args: HAProxyBalancerArgs,
    previous: HostCommand | undefined,
  ): HostCommand {
    const packages = ["haproxy", "socat", ...(args.virtualIp === undefined ? [] : virtualIpPackages)];
    return new HostCommand(
      `${name}-packages`,
      { host, script: renderHostScript({ body: hostScripts.packages, variables: { host_name: hostName, packages } }) },
      { parent: this, dependsOn: previous === undefined ? [] : [previous] },
    );
  }

  private runHaproxy(
    name: string,
    hostName: string,
    host: HostArgs,
    args: HAProxyBalancerArgs,
    packages: HostCommand,
    previous: HostCommand | undefined,
  ): HostCommand {
    const serverCaPath = `${configDirectory}/server-ca.crt`;
    const secrets = new HostCommand(
      `${name}-secrets`,
      {
        host,
        script: pulumi.secret(
          pulumi
            .all([args.healthCertificate.certificate, args.healthCertificate.privateKey, args.serverCaCertificate])
            .apply(([certificate, privateKey, ca]) =>
              renderHostScript({
                body: hostScripts.secretFiles,
                parts: [hostScripts.originals, hostScripts.optionalFiles],
                variables: {
                  revision_name: "haproxy-secrets",
                  reader: "haproxy",
                  paths: [healthCertificatePath, serverCaPath],
                  optional_paths: [],
                  replaced_paths: [],
                },
                files: [
                  { path: healthCertificatePath, content: `${certificate.trimEnd()}\n${privateKey}`, mode: "0600" },
                  { path: serverCaPath, content: ca },
                ],
              }),
            ),
        ),
      },
      { parent: this, dependsOn: packages },
    );
    const maxConnections = args.maxConnections ?? 4000;
    // Where clients know it.
    const known = pulumi.all([nodeAddressOf(host), args.virtualIp?.address ?? nodeAddressOf(host)]);
    return new HostCommand(
      `${name}-service`,
      {
        host,
        script: pulumi.all([args.servers, secrets.revision, known]).apply(([servers, secretsRevision, addresses]) => {
          const config = {
            port: args.port ?? apiPort,
            ipv6: addresses.some((address) => address.includes(":")),
            servers: Object.fromEntries(
              Object.entries(servers).map(([server, address]) => [server, withPort(address, apiPort)]),
            ),
            maxConnections,
            idleSeconds: args.idleSeconds ?? 86_400,
            healthCertificatePath,
            serverCaPath,
            statsAddress: withPort(args.statsAddresses?.[hostName] ?? "127.0.0.1", args.statsPort ?? 8404),
          };
          // A reload has to be seen to have taken also when only a certificate has changed.
          const revision = createHash("sha256")
            .update(renderHaproxyConfig(config, ""))
            .update(secretsRevision)
            .digest("hex")
            .slice(0, 16);
          return renderHostScript({
            body: balancerScripts.haproxyService,
            parts: [hostScripts.originals, hostScripts.keptFiles],
            variables: {
              host_name: hostName,
              revision,
              socket: haproxySocket,
              config_directory: configDirectory,
              drop_in_path: dropInPath,
              max_connections: maxConnections,
            },
            files: [
              { path: `${configDirectory}/haproxy.cfg`, content: renderHaproxyConfig(config, revision) },
              { path: dropInPath, content: renderRestartDropIn() },
            ],
          });
        }),
      },
      // One load balancer after the other: a configuration that does not work stops at the first.
      { parent: this, dependsOn: previous === undefined ? [secrets] : [secrets, previous] },
    );
  }
}
