/** The reference of all settings, drawn from the schema: the lists in docs/configuration.md. */
import { z } from "zod";
import { hostReference as hostsOfAnotherStack } from "../../components/config/hostReference.ts";
import { hostsFile } from "../../components/config/hostsFile.ts";
import { bastion, host, secretKeys, sections } from "../../components/config/schema.ts";

/** One entry of the reference. */
export interface SettingReference {
  /** Path below the key's namespace; `<name>` stands for a name that the user chooses. */
  readonly path: string;
  readonly type: string;
  /** Value as JSON, words, or "required". */
  readonly standard: string;
  readonly meaning: string;
}

/** The entries as a Markdown list, wrapped at 120 columns. */
export function renderReference(settings: readonly SettingReference[]): string {
  return settings
    .map(({ path, type, standard, meaning }) => {
      const value = standard === "required" ? standard : `default ${standard}`;
      return wrapped(`- \`${path}\` (${type}, ${value}): ${meaning}`);
    })
    .join("\n");
}

/** A list item in lines of 120 columns. Text in backticks and links stay whole. */
function wrapped(item: string): string {
  const words = item.match(/(?:`[^`]*`|\[[^\]]*\]\([^)]*\)|\S)+/g) ?? [];
  const lines: string[] = [];
  let line = "";
  for (const word of words) {
    if (line !== "" && line.length + 1 + word.length > 120) {
      lines.push(line);
      line = `  ${word}`;
    } else line += line === "" ? word : ` ${word}`;
  }
  return [...lines, line].join("\n");
}

/**
 * Every setting of one key of the configuration. A host is one setting, and so is a bastion: their own are in
 * `hostReference` and `bastionReference`.
 */
export function sectionReference(key: keyof typeof sections): SettingReference[] {
  return settingsIn(sections[key], key);
}

/** Every setting of a host. */
export function hostReference(): SettingReference[] {
  return Object.entries(host.shape).flatMap(([name, schema]) => settingsIn(schema, name));
}

/** Every setting of a bastion. */
export function bastionReference(): SettingReference[] {
  return Object.entries(bastion.shape).flatMap(([name, schema]) => settingsIn(schema, name));
}

/** The settings that name a file with hosts. */
export function hostsFileReference(): SettingReference[] {
  return Object.entries(hostsFile.shape).flatMap(([name, schema]) => settingsIn(schema, name));
}

/** The settings that name another stack's output with hosts. */
export function hostsOutputReference(): SettingReference[] {
  return Object.entries(hostsOfAnotherStack.shape).flatMap(([name, schema]) => settingsIn(schema, name));
}

/** The keys that hold a secret text. */
export function secretReference(): SettingReference[] {
  return Object.entries(secretKeys).map(([path, description]) => ({
    path,
    type: "text, secret",
    ...worded(description),
  }));
}

/** What a key is for, in a sentence. */
export function descriptionOf(key: keyof typeof sections): string {
  return sections[key].description ?? "";
}

function settingsIn(schema: z.ZodType, path: string): SettingReference[] {
  const bare = unwrapped(schema);
  const description = schema.description ?? bare.description ?? "";
  const children = isHost(bare) || isBastion(bare) ? undefined : childrenOf(bare, path);
  if (children !== undefined) return children;
  const words = worded(description);
  const standard = schema instanceof z.ZodDefault ? `\`${JSON.stringify(schema.def.defaultValue)}\`` : words.standard;
  return [{ path, type: typeOf(bare), meaning: words.meaning, standard: isRequired(schema) ? "required" : standard }];
}

/** What is below a map that is not a value by itself. */
function childrenOf(schema: z.ZodType, path: string): SettingReference[] | undefined {
  if (schema instanceof z.ZodObject) {
    return Object.entries(schema.shape).flatMap(([name, child]) => settingsIn(child as z.ZodType, `${path}.${name}`));
  }
  if (schema instanceof z.ZodArray) {
    const element = schema.element as z.ZodType;
    return element instanceof z.ZodObject ? childrenOf(element, `${path}[]`) : undefined;
  }
  if (!(schema instanceof z.ZodRecord)) return undefined;
  const value = schema.valueType as z.ZodType;
  return isHost(value) || !(value instanceof z.ZodObject) ? undefined : childrenOf(value, `${path}.<name>`);
}

function isHost(schema: z.ZodType): boolean {
  return schema instanceof z.ZodObject && schema.shape === host.shape;
}

function isBastion(schema: z.ZodType): boolean {
  return schema instanceof z.ZodObject && schema.shape === bastion.shape;
}

function isRequired(schema: z.ZodType): boolean {
  return !schema.safeParse(undefined).success;
}

function unwrapped(schema: z.ZodType): z.ZodType {
  const isWrapped = schema instanceof z.ZodOptional || schema instanceof z.ZodDefault;
  return isWrapped ? unwrapped(schema.unwrap() as z.ZodType) : schema;
}

function typeOf(schema: z.ZodType): string {
  if (isHost(schema)) return "[host](#a-host)";
  if (isBastion(schema)) return "[bastion](#a-bastion)";
  if (schema instanceof z.ZodRecord) {
    const value = schema.valueType as z.ZodType;
    if (isHost(value)) return "[hosts](#a-host) by name";
    return value instanceof z.ZodUnion ? "map" : `map of ${typeOf(value)}`;
  }
  if (schema instanceof z.ZodArray) return `list of ${typeOf(schema.element as z.ZodType)}`;
  if (schema instanceof z.ZodNumber) return rangeOf(schema);
  if (schema instanceof z.ZodBoolean) return "true or false";
  if (schema instanceof z.ZodString) return "text";
  if (schema instanceof z.ZodUnion) return schema.options.map((option) => typeOf(option as z.ZodType)).join(" or ");
  if (schema instanceof z.ZodObject || schema instanceof z.ZodCustom) return "map";
  if (schema instanceof z.ZodEnum) return schema.options.map((option) => `\`${option}\``).join(" or ");
  throw new Error(`no word for a ${schema.def.type} in the reference`);
}

function rangeOf({ minValue, maxValue }: z.ZodNumber): string {
  return maxValue === null || maxValue >= Number.MAX_SAFE_INTEGER
    ? `whole number of at least ${minValue}`
    : `whole number from ${minValue} to ${maxValue}`;
}

/** Takes "Default: …" out of a description. */
function worded(description: string): { meaning: string; standard: string } {
  const [, meaning = description, standard = ""] = /^(.*?) Default: (.*)\.$/.exec(description) ?? [];
  return { meaning, standard };
}
