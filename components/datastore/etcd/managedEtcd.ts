import * as pulumi from "@pulumi/pulumi";
import { type DatastoreAccess, type LoginAddress } from "../datastoreAccess.ts";
import { addressText } from "../engine/datastoreEndpoint.ts";
import { etcdEngine } from "../engine/etcd.ts";
import { etcdBackup } from "../engine/etcdBackup.ts";
import { engineScripts } from "../engine/scripts.ts";
import { renderFirewallRequirement, renderFirewallUnit } from "../../host/firewallUnit.ts";
import { type HostArgs, nodeAddressOf } from "../../host/host.ts";
import { HostCommand } from "../../host/hostCommand.ts";
import { placeCertificate } from "../certificateFiles.ts";
import { renderHostScript } from "../../host/hostScript.ts";
import { hostScripts } from "../../host/scripts.ts";
import { unitPath } from "../../host/unitPath.ts";
import { clientCertificate, etcdAuthority, memberCertificate } from "./etcdCertificates.ts";
import {
  etcdConfigPath,
  etcdDataDirectory,
  etcdDirectory,
  etcdInitialPath,
  etcdUnit,
  etcdUrl,
  renderEtcdConfig,
  renderEtcdUnit,
} from "./etcdConfig.ts";
import { etcdFirewallTable, etcdFirewallUnit, renderEtcdAccept, renderEtcdFirewall } from "./etcdFirewall.ts";
import { type EtcdMemberRecord, guardMembers } from "./etcdMembersGuard.ts";
import { etcdScripts } from "./scripts.ts";

/** An etcd that the datastore installs and owns. */
export interface ManagedEtcdArgs {
  /** The hosts of its members, by name, in the order in which they are created and changed. */
  hosts: Readonly<Record<string, HostArgs>>;
  /** Port for clients. Default: 2379. */
  port?: number | undefined;
  /** Port for the other members. Default: 2380. */
  peerPort?: number | undefined;
  /** Whether the ports are closed on the hosts to everybody else. Default: true. */
  firewall?: boolean | undefined;
  /** GiB that the database may grow to; beyond it etcd refuses every write. Default: 2. */
  quotaGibibytes?: number | undefined;
  /** Whether an empty cluster may take the place of one whose data are gone from every member. Default: false, it has to be restored. */
  startsEmpty?: boolean | undefined;
  /** Confirms that the majority was lost, and that etcd was restored on a member that is left. Default: false. */
  majorityLost?: boolean | undefined;
  /** Any value. A change rotates the certificates of the members and of their clients. Default: none. */
  certificateRotation?: string | undefined;
}

/** The clients of an etcd. */
export interface EtcdContext {
  /** The addresses from which the K3s servers connect, by their names. */
  readonly serverAddresses: Readonly<Record<string, LoginAddress>>;
}

const clientsDirectory = "/etc/k3s-ha/etcd-clients";
const firewallRules = "/etc/k3s-ha/etcd-firewall.nft";
const firewallUnit = unitPath(`${etcdFirewallUnit}.service`);
const requirementPath = unitPath(`${etcdUnit}.service.d/k3s-ha-firewall.conf`);
const memberUnit = unitPath(`${etcdUnit}.service`);

/** A member with its certificate. */
interface Member {
  readonly name: string;
  readonly host: HostArgs;
  readonly address: pulumi.Output<string>;
}

/** Installs etcd on its hosts: the first member forms it, the others join it one after the other. */
export function managedEtcd(
  name: string,
  args: ManagedEtcdArgs,
  context: EtcdContext,
  parent: pulumi.Resource,
): DatastoreAccess {
  const { port = 2379, certificateRotation, majorityLost = false } = args;
  const members = Object.entries(args.hosts).map(([member, host]): Member => ({
    name: member,
    host,
    address: nodeAddressOf(host),
  }));
  const living = members.filter(({ host }) => host.standIn === undefined);
  const authority = etcdAuthority(name, parent);
  const k3s = clientCertificate(`${name}-k3s`, authority, "k3s", certificateRotation, parent);
  const guard = guardMembers(name, majorityLost);

  const admits: Record<string, pulumi.Resource[]> = {};
  const made: pulumi.Resource[] = [];
  const prepared = members.map((member) => prepareHost(name, args, member, parent));
  const letIn = (on: Member, after: pulumi.Resource, label: string, from: LoginAddress) =>
    clientRule(name, args, on, label, from, { parent, dependsOn: after });
  // A member or server is let in by all others before it starts, and shut out after it is removed.
  const rulesFor = (label: string, from: LoginAddress, except?: string) =>
    members.flatMap((member, index) => {
      const host = prepared[index];
      return host === undefined || member.name === except ? [] : [letIn(member, host, label, from)];
    });
  let previous: pulumi.Resource | undefined;
  for (const [index, member] of members.entries()) {
    const certificate = memberCertificate(
      `${name}-${member.name}`,
      authority,
      member.address,
      certificateRotation,
      parent,
    );
    const host = prepared[index];
    const files = placeCertificate(
      `${name}-tls-${member.name}`,
      {
        ...{ host: member.host, directory: etcdDirectory, file: "member", owner: "etcd" },
        ...{ revisionName: "etcd-tls", reader: etcdUnit },
      },
      { caCertificate: authority.certificate, ...certificate },
      { parent, dependsOn: host ?? [] },
    );
    const rules = rulesFor("member", { address: member.address, key: member.name }, member.name);
    const command = memberCommand(name, args, member, members, files.revision, {
      parent,
      dependsOn: [files, ...rules, ...(previous === undefined ? [] : [previous])],
      hooks: { beforeUpdate: [guard] },
    });
    made.push(command);
    previous = command;
  }
  for (const [server, from] of Object.entries(context.serverAddresses)) admits[server] = rulesFor("client", from);

  const addresses = pulumi.all(living.map(({ address }) => address));
  return {
    preflight: etcdEngine.preflight,
    setting: "k3s-ha:datastore.managed.hosts",
    endpoint: pulumi.secret(addresses.apply((each) => each.map((address) => etcdUrl(address, port)).join(","))),
    caCertificate: authority.certificate,
    clientCertificate: k3s,
    backup: etcdBackup({
      addresses: addresses.apply((each) => each.map((host) => addressText({ host, port }))),
      memberUrl: etcdConfigPath,
      ca: `${etcdDirectory}/ca.crt`,
      certificate: `${etcdDirectory}/member.crt`,
      key: `${etcdDirectory}/member.key`,
    }),
    admits,
    ready: [...made, ...Object.values(admits).flat()],
  };
}

function prepareHost(name: string, args: ManagedEtcdArgs, member: Member, parent: pulumi.Resource): HostCommand {
  const { port = 2379, peerPort = 2380, firewall = true } = args;
  return new HostCommand(
    `${name}-host-${member.name}`,
    {
      host: member.host,
      script: member.address.apply((address) =>
        renderHostScript({
          body: etcdScripts.etcdHost,
          parts: [hostScripts.firewall, engineScripts.etcdPackages],
          variables: {
            host_name: member.name,
            firewall: String(firewall),
            firewall_rules: firewallRules,
            firewall_unit: firewallUnit,
            requirement_path: requirementPath,
            clients_directory: clientsDirectory,
            unit_path: memberUnit,
            initial_path: etcdInitialPath,
          },
          files: [
            { path: memberUnit, content: renderEtcdUnit() },
            ...(firewall
              ? [
                  {
                    path: firewallRules,
                    content: renderEtcdFirewall([port, peerPort], address, `${clientsDirectory}/*.nft`),
                  },
                  { path: requirementPath, content: renderFirewallRequirement(firewallRules) },
                  {
                    path: firewallUnit,
                    content: renderFirewallUnit({
                      description: "Firewall of etcd",
                      unit: etcdFirewallUnit,
                      protects: `${etcdUnit}.service`,
                      rules: firewallRules,
                      table: etcdFirewallTable,
                    }),
                  },
                ]
              : []),
          ],
        }),
      ),
    },
    { parent },
  );
}

function memberCommand(
  name: string,
  args: ManagedEtcdArgs,
  member: Member,
  members: readonly Member[],
  tlsRevision: pulumi.Output<string>,
  opts: pulumi.CustomResourceOptions,
): HostCommand {
  const { port = 2379, peerPort = 2380, quotaGibibytes = 2, startsEmpty = false } = args;
  const living = members.filter(({ host }) => host.standIn === undefined);
  const others = pulumi.all(living.filter((other) => other !== member).map(({ address }) => address));
  return new HostCommand(
    `${name}-member-${member.name}`,
    {
      host: member.host,
      onChange: "reapply",
      removeSeconds: 330,
      script: pulumi.all([member.address, others, tlsRevision]).apply(([address, otherAddresses, revision]) =>
        renderHostScript({
          body: etcdScripts.etcdMember,
          parts: [hostScripts.originals, hostScripts.keptFiles, etcdScripts.etcdMembers],
          record: { members: living.map((each) => each.name) } satisfies EtcdMemberRecord,
          variables: {
            host_name: member.name,
            is_first: String(member === living[0]),
            starts_empty: String(startsEmpty),
            own_url: etcdUrl(address, port),
            peer_url: etcdUrl(address, peerPort),
            other_urls: otherAddresses.map((other) => etcdUrl(other, port)),
            lost_members: members.filter((each) => !living.includes(each)).map((each) => each.name),
            tls_directory: etcdDirectory,
            tls_revision: revision,
            config_path: etcdConfigPath,
            initial_path: etcdInitialPath,
            unit_path: memberUnit,
            data_directory: etcdDataDirectory,
          },
          files: [
            {
              path: etcdConfigPath,
              content: renderEtcdConfig({ name: member.name, address, port, peerPort, quotaGibibytes }),
            },
          ],
        }),
      ),
    },
    opts,
  );
}

/** Lets one address in on one host. */
function clientRule(
  name: string,
  args: ManagedEtcdArgs,
  on: Member,
  label: string,
  from: LoginAddress,
  opts: pulumi.CustomResourceOptions,
): HostCommand {
  const { port = 2379, peerPort = 2380, firewall = true } = args;
  const entry = `${label}-${from.key}`;
  return new HostCommand(
    `${name}-${entry}-on-${on.name}`,
    {
      host: on.host,
      script: from.address.apply((address) =>
        renderHostScript({
          body: etcdScripts.etcdClient,
          variables: {
            host_name: on.name,
            clients_directory: clientsDirectory,
            entry,
            firewall: String(firewall),
          },
          files: [
            {
              path: `${clientsDirectory}/${entry}.nft`,
              content: renderEtcdAccept(label === "member" ? [port, peerPort] : [port], address),
            },
          ],
        }),
      ),
    },
    opts,
  );
}
