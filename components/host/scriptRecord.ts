/** Facts that a script records for later runs of this program. Not secret. */
export type ScriptRecord = Readonly<Record<string, unknown>>;

const opening = "# k3s-ha: ";

/** The line that opens a script with a record, as JSON. */
export function renderScriptRecord(record: ScriptRecord): string {
  return `${opening}${JSON.stringify(record)}`;
}

/** The record of a script; undefined when it has none, as those of a lost host and those of earlier releases. */
export function recordIn(script: string): ScriptRecord | undefined {
  const [line = ""] = script.split("\n", 1);
  return line.startsWith(opening) ? (JSON.parse(line.slice(opening.length)) as ScriptRecord) : undefined;
}

/**
 * The facts in a script of a release without records, from variables that need no quotes except around brackets.
 *
 * @param names the name of each field's variable.
 */
export function variablesIn<Field extends string>(
  script: string,
  names: Readonly<Record<Field, string>>,
): Partial<Record<Field, string>> {
  const found: Partial<Record<Field, string>> = {};
  for (const [field, name] of Object.entries(names) as [Field, string][]) {
    const value = new RegExp(`^${name}='?([^'\\s]+)'?$`, "m").exec(script)?.[1];
    if (value !== undefined) found[field] = value;
  }
  return found;
}
