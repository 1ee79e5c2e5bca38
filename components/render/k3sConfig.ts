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
    .map(([key, value]) => `${key}: ${yamlText(value)}`);
  return `# Written by k3s-ha; changes made here are overwritten.\n${lines.join("\n")}\n`;
}

/**
 * JSON as YAML takes it: characters that are no text to a YAML reader, or the end of a line, are escaped. A password may
 * hold them.
 */
function yamlText(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
