/** Rules for stacks that say of themselves that they are production: `k3s-ha:safety.production`. */
import type { PolicyResource, ReportViolation, StackValidationPolicy } from "@pulumi/policy";
import { Config } from "@pulumi/pulumi";
import type { Recorded } from "../components/recorded.ts";

/** A component of the stack, by what it recorded of itself. */
interface Component<Token extends keyof Recorded> {
  readonly name: string;
  readonly urn: string;
  readonly recorded: Recorded[Token];
  readonly isProtected: boolean;
}

type Check = (stack: readonly PolicyResource[], report: ReportViolation) => void;

function isProduction(): boolean {
  const safety = new Config("k3s-ha").getObject<{ production?: boolean }>("safety");
  return safety?.production === true;
}

function productionRule(name: string, description: string, check: Check): StackValidationPolicy {
  return {
    name,
    description,
    validateStack({ resources }, report) {
      if (isProduction()) check(resources, report);
    },
  };
}

function componentsOf<Token extends keyof Recorded>(
  stack: readonly PolicyResource[],
  token: Token,
): Component<Token>[] {
  return stack
    .filter(({ type }) => type === token)
    .map(({ name, urn, props, opts }) => ({
      name,
      urn,
      recorded: props as Recorded[Token],
      isProtected: opts.protect,
    }));
}

/** Reports that a kind of component is missing, or returns all of it. */
function required<Token extends keyof Recorded>(
  stack: readonly PolicyResource[],
  token: Token,
  report: ReportViolation,
): Component<Token>[] {
  const found = componentsOf(stack, token);
  if (found.length === 0)
    report(`The stack has no ${token.split(":")[2] ?? token}, which production cannot do without.`);
  return found;
}

export const productionRules: readonly StackValidationPolicy[] = [
  productionRule("two-servers", "The API outlives the loss of a server.", (stack, report) => {
    for (const { name, urn, recorded } of required(stack, "k3s-ha:index:K3sServerPool", report)) {
      if (recorded.hosts.length >= 2) continue;
      report(
        `${name} has ${recorded.hosts.length === 1 ? "a single server" : "no server"}, and losing it stops the API: add a second, or a third, to k3s-ha:servers.`,
        urn,
      );
    }
  }),
  productionRule("datastore-tls-verified", "Nobody can pose as the datastore.", (stack, report) => {
    for (const { name, urn, recorded } of required(stack, "k3s-ha:index:MySQLDatastore", report)) {
      // As a text: what a program of another version recorded may be anything.
      const tls: string | undefined = recorded.tls;
      if (tls === "verified") continue;
      report(
        `${name} does not verify the datastore's certificate (its tls is ${JSON.stringify(tls)}), so somebody in between could read every secret of the cluster: give it the CA that signed the certificate.`,
        urn,
      );
    }
  }),
  productionRule("datastore-protected", "Pulumi does not delete the datastore by mistake.", (stack, report) => {
    for (const { name, urn, isProtected } of required(stack, "k3s-ha:index:MySQLDatastore", report)) {
      if (isProtected) continue;
      report(
        `${name} is not protected, so a destroy would take it away: remove k3s-ha:safety.protectDatastore, or set it to true.`,
        urn,
      );
    }
  }),
  productionRule("backups-off-host", "A backup outlives the host that took it.", (stack, report) => {
    for (const { name, urn, recorded } of required(stack, "k3s-ha:index:BackupCron", report)) {
      if (recorded.copy === undefined) {
        report(
          `${name} keeps its backups on ${recorded.host} alone, and they are lost with it: set k3s-ha:backup.copy to a place off that host.`,
          urn,
        );
      }
      if (recorded.recipients.length === 0) {
        report(
          `${name} does not encrypt its backups, and each holds the whole cluster: name public keys of age in k3s-ha:backup.recipients.`,
          urn,
        );
      }
    }
  }),
  productionRule("release-pinned", "What runs is the binary that somebody has looked at.", (stack, report) => {
    const pools = [
      ...required(stack, "k3s-ha:index:K3sServerPool", report),
      ...componentsOf(stack, "k3s-ha:index:AgentPool"),
    ];
    for (const { name, urn, recorded } of pools) {
      const { version, sha256 } = recorded.release;
      if (!/^v\d+\.\d+\.\d+\+k3s\d+$/.test(version)) {
        report(`${name} runs ${version}, which is not a final release of K3s: set k3s-ha:k3s.version to one.`, urn);
      }
      if (sha256 !== undefined) continue;
      report(
        `${name} trusts whatever its mirror says ${version} is: set k3s-ha:k3s.sha256 to the sum of the binary, from the release's list of checksums.`,
        urn,
      );
    }
  }),
];
