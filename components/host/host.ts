import { isIP } from "node:net";
import * as pulumi from "@pulumi/pulumi";
import type { types } from "@pulumi/command";

/** A host that SSH connections to others go through. */
export interface BastionArgs {
  /** Address that SSH dials: an IP address or a DNS name. */
  address: pulumi.Input<string>;
  /** SSH port. Default: 22. */
  port?: number;
  /** Login user; needs no rights but to log in, and sshd's `AllowTcpForwarding`. Default: root. */
  user?: string;
  /** The bastion's public SSH key, as in authorized_keys. One that shows another is refused. */
  hostKey: pulumi.Input<string>;
  /** Private key (OpenSSH or PEM text) to log in with. Default: the SSH agent's keys. */
  privateKey?: pulumi.Input<string> | undefined;
}

/** One Linux host and how to reach it over SSH. The map key that it stands under is its name, and its node name. */
export interface HostArgs {
  /** Address that SSH dials: an IP address or a DNS name. */
  address: pulumi.Input<string>;
  /** IP address that the cluster's own traffic uses. Default: `address`, which then has to be an IP address. */
  nodeAddress?: pulumi.Input<string>;
  /**
   * The node's address of the other family, IPv4 or IPv6, in a cluster with networks of both. Servers and agents alone have one.
   * Default: none.
   */
  secondaryNodeAddress?: pulumi.Input<string> | undefined;
  /** SSH port. Default: 22. */
  port?: number;
  /** Login user: root, or a user with password-less sudo. Default: root. */
  user?: string;
  /** The host's public SSH key, as in authorized_keys ("ssh-ed25519 AAAA…"). A host that shows another is refused. */
  hostKey: pulumi.Input<string>;
  /** Private key (OpenSSH or PEM text) to log in with. Default: the SSH agent's keys. */
  privateKey?: pulumi.Input<string> | undefined;
  /** The host that connections to this one go through. Default: none, it is dialled directly. */
  bastion?: BastionArgs | undefined;
  /** Seconds that one attempt to connect may take. Default: 10. */
  connectSeconds?: number;
  /** Seconds after which a command on the host is ended, if it has no limit of its own. Default: 600. */
  commandSeconds?: number;
  /**
   * Whether configuration that others left on the host may be replaced: of HAProxy, keepalived, K3s or a MariaDB with other
   * schemas. Copies are kept, and put back by the removal. Default: false, such a host is refused.
   */
  adopt?: boolean;
  /** Labels that the node joins with, beside those of its pool. Servers and agents alone have some. Default: none. */
  labels?: Readonly<Record<string, string>>;
  /** Taints that the node joins with, beside those of its pool, as `key=value:effect`. Default: none. */
  taints?: readonly string[];
  /**
   * Settings of K3s on this host, as in its config.yaml. They replace those of its role; `kubelet-arg` and `kube-proxy-arg`
   * are added to them. Default: none.
   */
  config?: Readonly<Record<string, unknown>>;
  /**
   * For a host that is lost: another one, which lives. The lost one is never dialled, and its commands do nothing, there
   * or elsewhere, until it is back. Default: none, the host lives.
   */
  standIn?: HostArgs | undefined;
}

/**
 * Seconds that one attempt to connect may take. A host on a working network answers within a fraction of one; ten
 * leave room for a lossy link without making a dead host hold up a run for minutes.
 */
const dialSeconds = 10;

/**
 * Retries after a failed attempt to connect to a bastion, over some 25 seconds. Each command has a connection of its own through
 * it, and its sshd drops some beyond ten that log in at the same time (MaxStartups 10:30:100). A bastion that is down is told
 * by the checks of hosts before any command.
 */
const bastionRetries = 12;

/** Retries after a failed attempt to connect: enough for a restarting sshd, over about two seconds. */
const dialRetries = 4;

/** The cluster-side address of a host. */
export function nodeAddressOf(host: HostArgs): pulumi.Output<string> {
  return pulumi.output(host.nodeAddress ?? host.address);
}

/** Both addresses of a node in a dual-stack cluster, otherwise its one. */
export function nodeAddressesOf({ address, nodeAddress, secondaryNodeAddress }: HostArgs): pulumi.Input<string>[] {
  const own = nodeAddress ?? address;
  return secondaryNodeAddress === undefined ? [own] : [own, secondaryNodeAddress];
}

/**
 * The address that others see a host's connections to `place` come from. A node with an address of each family connects with
 * that of the place's family, any other host with its one.
 */
export function addressToward(place: pulumi.Input<string>, host: HostArgs): pulumi.Input<string> {
  const [own = "", secondary] = nodeAddressesOf(host);
  if (secondary === undefined) return own;
  const choose = (to: string, first: string, second: string) => (isIP(to) === isIP(second) ? second : first);
  // A plain address names resources.
  if (typeof place === "string" && typeof own === "string" && typeof secondary === "string")
    return choose(place, own, secondary);
  return pulumi.all([place, own, secondary]).apply((all) => choose(...all));
}

type Connection = pulumi.Output<pulumi.UnwrappedObject<types.input.remote.ConnectionArgs>>;

/** The connections made so far. */
const connections = new WeakMap<HostArgs, Connection>();

/**
 * The connection of `remote.Command`, one for all commands of a host. It is an output as a whole, because Pulumi makes one,
 * with a dozen promises, of each value of an object that is none.
 */
export function connectionTo(host: HostArgs): Connection {
  let connection = connections.get(host);
  if (connection === undefined) {
    connection = pulumi.output(connectionArgs(host));
    connections.set(host, connection);
  }
  return connection;
}

/**
 * Built key by key: the provider answers an unknown key by printing the whole connection, with its keys, so nothing is ever
 * spread into it.
 */
function connectionArgs(host: HostArgs): types.input.remote.ConnectionArgs {
  return {
    host: host.address,
    port: host.port ?? 22,
    user: host.user ?? "root",
    hostKey: host.hostKey,
    ...(host.privateKey === undefined ? {} : { privateKey: pulumi.secret(host.privateKey) }),
    dialErrorLimit: dialRetries,
    perDialTimeout: host.connectSeconds ?? dialSeconds,
    ...(host.bastion === undefined ? {} : { proxy: connectionToBastion(host.bastion, host.connectSeconds) }),
  };
}

function connectionToBastion(
  bastion: BastionArgs,
  connectSeconds: number | undefined,
): types.input.remote.ProxyConnectionArgs {
  return {
    host: bastion.address,
    port: bastion.port ?? 22,
    user: bastion.user ?? "root",
    hostKey: bastion.hostKey,
    ...(bastion.privateKey === undefined ? {} : { privateKey: pulumi.secret(bastion.privateKey) }),
    dialErrorLimit: bastionRetries,
    perDialTimeout: connectSeconds ?? dialSeconds,
  };
}
