import { yamlValue } from "./yamlValue.ts";
import { writtenBy } from "../host/writtenBy.ts";

/** A value of K3s's config.yaml. */
export type K3sConfigValue = string | number | boolean | readonly string[];

/**
 * K3s's configuration file. Values are written as JSON, which is YAML, one key a line, so that a preview shows a
 * change as its line. Keys are sorted: the same settings always give the same text.
 */
export function renderK3sConfig(config: Readonly<Record<string, unknown>>): string {
  const lines = Object.entries(config)
    .filter(([, value]) => value !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}: ${yamlValue(value)}`);
  return `# ${writtenBy}\n${lines.join("\n")}\n`;
}
