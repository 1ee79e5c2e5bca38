/** What all resources of this plugin share: defaults that become inputs, names that are made up, failures. */
import { randomBytes } from "node:crypto";
import { difference, type Difference } from "../provider/diff.ts";
import type { Checked, Step } from "../provider/resource.ts";
import { revealAll, type PropertyMap } from "../provider/value.ts";

/** Property that lists the inputs which were not given. The engine does not show it. */
const defaultsKey = "__defaults";

/** Fills in defaults. `autoname` names a property that, when not given, is made of the resource's name once. */
export function withDefaults(
  step: Step,
  olds: PropertyMap,
  news: PropertyMap,
  defaults: PropertyMap,
  autoname?: string,
): Checked {
  const inputs: PropertyMap = { ...news };
  const filled: string[] = [];
  if (autoname && inputs[autoname] === undefined) {
    const oldDefaults = olds[defaultsKey];
    const old = Array.isArray(oldDefaults) && oldDefaults.includes(autoname) ? olds[autoname] : undefined;
    inputs[autoname] = old ?? `${step.name}-${randomBytes(4).toString("hex").slice(0, 7)}`;
    filled.push(autoname);
  }
  for (const [name, value] of Object.entries(defaults)) {
    if (inputs[name] !== undefined) continue;
    inputs[name] = value;
    filled.push(name);
  }
  return { inputs: { ...inputs, [defaultsKey]: filled.sort() }, failures: [] };
}

/** Inputs without what is not a property of the resource. */
export function properties(inputs: PropertyMap): PropertyMap {
  return Object.fromEntries(Object.entries(inputs).filter(([name]) => !name.startsWith("__")));
}

/** Compares what the server is known to have with what it should have; `updatable` properties are changed in place. */
export function changes(state: PropertyMap, wanted: PropertyMap, updatable: string[]): Difference {
  const names = new Set(Object.keys(wanted));
  const olds = Object.fromEntries(
    // Outputs that are empty stand for inputs that were not given.
    Object.entries(revealAll(state)).filter(([name, value]) => names.has(name) || !isEmpty(value)),
  );
  delete olds["id"];
  return difference(olds, revealAll(wanted), (name) => !updatable.includes(name));
}

/** Runs `work`; its failure is reported as the official plugin's bridge does. */
export async function reported<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new Error(`1 error occurred:\n\t* ${(error as Error).message}\n\n`);
  }
}

/** Runs `work`; its failure says in what. */
export async function explained<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new Error(`${what}: ${(error as Error).message}`);
  }
}

function isEmpty(value: unknown): boolean {
  return value === null || value === "" || value === false || (Array.isArray(value) && value.length === 0);
}
