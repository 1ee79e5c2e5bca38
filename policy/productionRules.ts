/** Rules for stacks that say of themselves that they are production: `k3s-ha:safety.production`. */
import type { Policies, PolicyResourceOptions, ResourceValidationPolicy, StackValidationPolicy } from "@pulumi/policy";
import { Config } from "@pulumi/pulumi";
import type { Recorded } from "../components/contract/recorded.ts";

/** A component of the stack, by what it recorded of itself. */
interface Component<Token extends keyof Recorded> {
  readonly name: string;
  readonly recorded: Recorded[Token];
  readonly opts: PolicyResourceOptions;
}

function isProduction(): boolean {
  const safety = new Config("k3s-ha").getObject<{ production?: boolean }>("safety");
  return safety?.production === true;
}

function productionRule<Token extends keyof Recorded>(
  name: string,
  description: string,
  tokens: readonly Token[],
  check: (component: Component<Token>, report: (message: string) => void) => void,
): ResourceValidationPolicy {
  return {
    name,
    description,
    validateResource({ type, name: component, props, opts }, report) {
      if (!isProduction() || !(tokens as readonly string[]).includes(type)) return;
      check({ name: component, recorded: props as Recorded[Token], opts }, report);
    },
  };
}

/** The rules above check what exists; this one checks what has to exist. */
const complete: StackValidationPolicy = {
  name: "complete",
  description: "The stack has servers, a datastore and backups.",
  validateStack({ resources }, report) {
    if (!isProduction()) return;
    for (const part of ["K3sServerPool", "MySQLDatastore", "BackupCron"]) {
      if (resources.some(({ type }) => type === `k3s-ha:index:${part}`)) continue;
      report(`The stack has no ${part}, which production requires.`);
    }
  },
};

export const productionRules: Policies = [
  complete,
  productionRule(
    "two-servers",
    "The API survives the loss of a server.",
    ["k3s-ha:index:K3sServerPool"],
    ({ name, recorded }, report) => {
      if (recorded.hosts.length >= 2) return;
      report(
        `${name} has ${recorded.hosts.length === 1 ? "a single server" : "no server"}, and losing it stops the API: add a second, or a third, to k3s-ha:servers.`,
      );
    },
  ),
  productionRule(
    "datastore-tls-verified",
    "The datastore's certificate is verified.",
    ["k3s-ha:index:MySQLDatastore"],
    ({ name, recorded }, report) => {
      // As a text: what a program of another version recorded may be anything.
      const tls: string | undefined = recorded.tls;
      if (tls === "verified") return;
      report(
        `${name} does not verify the datastore's certificate (its tls is ${JSON.stringify(tls)}), so anyone on the network between could read every secret of the cluster: set the CA that signed the certificate.`,
      );
    },
  ),
  productionRule(
    "datastore-protected",
    "Pulumi does not delete the datastore by mistake.",
    ["k3s-ha:index:MySQLDatastore"],
    ({ name, opts }, report) => {
      if (opts.protect) return;
      report(
        `${name} is not protected, so a destroy would delete it: remove k3s-ha:safety.protectDatastore, or set it to true.`,
      );
    },
  ),
  productionRule(
    "backups-off-host",
    "Backups survive the loss of the host that takes them.",
    ["k3s-ha:index:BackupCron"],
    ({ name, recorded }, report) => {
      if (recorded.copy === undefined) {
        report(
          `${name} keeps its backups on ${recorded.host} only, so they are lost with it: set k3s-ha:backup.copy to a location off that host.`,
        );
      }
      if (recorded.recipients.length === 0) {
        report(
          `${name} does not encrypt its backups, and each holds the whole cluster: add public age keys to k3s-ha:backup.recipients.`,
        );
      }
    },
  ),
  productionRule(
    "release-pinned",
    "The release of K3s and its binary are pinned.",
    ["k3s-ha:index:K3sServerPool", "k3s-ha:index:AgentPool"],
    ({ name, recorded }, report) => {
      const { version, sha256 } = recorded.release;
      if (!/^v\d+\.\d+\.\d+\+k3s\d+$/.test(version)) {
        report(
          `${name} runs ${version}, which is not a final release of K3s: set k3s-ha:k3s.version to a final release.`,
        );
      }
      if (sha256 !== undefined) return;
      report(
        `${name} trusts any binary that its mirror serves as ${version}: set k3s-ha:k3s.sha256 to the binary's sum from the release's list of checksums.`,
      );
    },
  ),
];
