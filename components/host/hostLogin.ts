/** The login for a host of a stack, with every value known. */
import * as pulumi from "@pulumi/pulumi";
import type { HostArgs } from "./host.ts";

/** One SSH endpoint. Holds a private key: never to be printed. */
export interface SshEndpoint {
  readonly address: string;
  readonly port: number;
  readonly user: string;
  /** The only key that the host may show, "ssh-ed25519 AAAA…". */
  readonly hostKey: string;
  /** OpenSSH or PEM text. Undefined: the keys of the SSH agent. */
  readonly privateKey: string | undefined;
}

/** One host of a stack. */
export interface HostLogin extends SshEndpoint {
  readonly name: string;
  /** The host's path in the configuration, for messages: `k3s-ha:servers.server-1`. */
  readonly path: string;
  /** The host that connections to this one go through, if any. */
  readonly bastion: SshEndpoint | undefined;
}

type EndpointArgs = Pick<HostArgs, "address" | "port" | "user" | "hostKey" | "privateKey">;

/** The login of a configured host. */
export async function loginOf(
  name: string,
  path: string,
  host: EndpointArgs & { bastion?: EndpointArgs | undefined },
): Promise<HostLogin> {
  const [own, bastion] = await Promise.all([
    endpointOf(host),
    host.bastion === undefined ? undefined : endpointOf(host.bastion),
  ]);
  return { name, path, ...own, bastion };
}

async function endpointOf({ address, port, user, hostKey, privateKey }: EndpointArgs): Promise<SshEndpoint> {
  const [knownAddress, knownHostKey, knownPrivateKey] = await Promise.all([
    valueOf(address),
    valueOf(hostKey),
    privateKey === undefined ? undefined : valueOf(privateKey),
  ]);
  return {
    address: knownAddress,
    port: port ?? 22,
    user: user ?? "root",
    hostKey: knownHostKey,
    privateKey: knownPrivateKey,
  };
}

/**
 * The value of an input. Settings that were read outside of a run of the program hold plain values and secrets only,
 * and both are known; what a resource would still have to make never is, so nothing of that kind may be asked here.
 */
export function valueOf<T>(input: pulumi.Input<T>): Promise<pulumi.Unwrap<T>> {
  return new Promise((resolve) => {
    pulumi.output(input).apply(resolve);
  });
}
