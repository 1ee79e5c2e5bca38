import * as pulumi from "@pulumi/pulumi";
import type { Registries } from "../k3s/registries.ts";
import { parseRegistryCredentials, type RegistriesSection } from "./registries.ts";

/** What K3s gets to know of registries, logins included and secret with them; undefined when there is nothing to know. */
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
