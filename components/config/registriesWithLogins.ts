import * as pulumi from "@pulumi/pulumi";
import type { Registries } from "../k3s/registries.ts";
import { parseRegistryCredentials, type RegistriesSection } from "./registries.ts";

/** K3s's registries.yaml, secret if it has logins; undefined if it is empty. */
export function registriesWith(
  section: RegistriesSection | undefined,
  credentials: string,
): pulumi.Output<Registries> | undefined {
  const parsed = credentials === "" ? { logins: {} } : parseRegistryCredentials(credentials);
  const logins = "logins" in parsed ? parsed.logins : {};
  if (section === undefined && Object.keys(logins).length === 0) return undefined;
  const configs: Record<string, Registries["configs"][string]> = { ...section?.configs };
  for (const [registry, login] of Object.entries(logins)) {
    configs[registry] = { ...configs[registry], auth: { ...login } };
  }
  return pulumi.secret({ mirrors: section?.mirrors ?? {}, configs });
}
