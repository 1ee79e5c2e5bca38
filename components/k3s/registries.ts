import { yamlValue } from "./yamlValue.ts";
import { writtenBy } from "../host/writtenBy.ts";

/** What K3s reads about image registries. */
export interface Registries {
  /** Where images of a registry are fetched from. */
  mirrors: Readonly<
    Record<string, { readonly endpoint: readonly string[]; readonly rewrite?: Readonly<Record<string, string>> }>
  >;
  /** How a registry is verified, and logged in to. */
  configs: Readonly<
    Record<
      string,
      { readonly tls?: Readonly<Record<string, string>>; readonly auth?: Readonly<Record<string, string>> }
    >
  >;
}

/** K3s's `registries.yaml`. JSON is YAML, so whatever stands in a login comes back as it was. */
export function renderRegistries({ mirrors, configs }: Registries): string {
  return `# ${writtenBy}\n${yamlValue({ mirrors, configs }, 2)}\n`;
}
