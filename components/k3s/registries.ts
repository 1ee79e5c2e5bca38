import { yamlValue } from "./yamlValue.ts";
import { writtenBy } from "../host/writtenBy.ts";

/** The content of K3s's registries.yaml. */
export interface Registries {
  /** The endpoints from which images of a registry are pulled. */
  mirrors: Readonly<
    Record<string, { readonly endpoint: readonly string[]; readonly rewrite?: Readonly<Record<string, string>> }>
  >;
  /** The verification of a registry, and its login. */
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
