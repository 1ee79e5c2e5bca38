/** The life of a command resource, the same for commands here and on other hosts. */
import { randomBytes } from "node:crypto";
import { difference } from "../provider/diff.ts";
import type { ResourceType, Step } from "../provider/resource.ts";
import { equal, hasUnknown, revealAll, unknown, type PropertyMap } from "../provider/value.ts";
import { failuresIn, type ObjectShape, withSecrets } from "./shape.ts";

/** What a run printed. */
export interface Printed {
  stdout: string;
  stderr: string;
}

/** Runs one of the commands with the other properties (no secrets, no unknowns) as they are in `properties`. */
export type Runner = (step: Step, command: string, properties: PropertyMap, previous: Printed) => Promise<Printed>;

/** A command resource whose inputs have `shape`. */
export function commandResource(shape: ObjectShape, run: Runner): ResourceType {
  return {
    check(_step, _olds, news) {
      return { inputs: withSecrets(news, shape), failures: failuresIn(news, shape) };
    },

    diff(_step, _id, oldInputs, _state, news) {
      return difference(oldInputs, news, (name) => name === "triggers");
    },

    async create(step, inputs, preview) {
      const id = step.name + randomBytes(4).toString("hex");
      if (preview) return { id, state: { ...inputs, stdout: unknown, stderr: unknown } };
      const properties = revealAll(inputs);
      const command = textOf(properties["create"]);
      const nothing = { stdout: "", stderr: "" };
      const printed = command === undefined ? nothing : await run(step, command, properties, nothing);
      return { id, state: { ...inputs, ...printed } };
    },

    async update(step, _id, state, news, preview) {
      const previous = printedIn(state);
      if (preview) {
        const names = Object.keys({ ...shape.required, ...shape.optional });
        const changed = names.some(
          (name) => hasUnknown(news[name] ?? null) || (name in state && !equal(state[name], news[name])),
        );
        return { ...news, ...(changed ? { stdout: unknown, stderr: unknown } : previous) };
      }
      const properties = revealAll(news);
      const command = textOf(properties["update"]) ?? textOf(properties["create"]);
      return { ...news, ...(command === undefined ? previous : await run(step, command, properties, previous)) };
    },

    async delete(step, _id, state) {
      const properties = revealAll(state);
      const command = textOf(properties["delete"]);
      if (command !== undefined) await run(step, command, properties, printedIn(state));
    },
  };
}

function printedIn(state: PropertyMap): Printed {
  const { stdout, stderr } = revealAll(state);
  return { stdout: textOf(stdout) ?? "", stderr: textOf(stderr) ?? "" };
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
