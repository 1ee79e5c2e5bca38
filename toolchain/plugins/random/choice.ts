/** `RandomInteger`, `RandomShuffle`, `RandomUuid`. Without a seed: the official plugin's generator is not repeated. */
import { randomInt, randomUUID } from "node:crypto";
import { generatedResource } from "../provider/generated.ts";
import type { PropertyMap } from "../provider/value.ts";
import { shuffled } from "./characters.ts";

function refuseSeed(inputs: PropertyMap): void {
  if (inputs["seed"] !== undefined && inputs["seed"] !== "") {
    throw new Error(
      "seed is not supported by the sandbox's drop-in for the random plugin; install the official plugin",
    );
  }
}

/** `random:index/randomInteger:RandomInteger`: from `min` to `max`, both included. */
export const randomInteger = generatedResource({
  defaults: {},
  computed: ["result"],
  generate(inputs) {
    refuseSeed(inputs);
    const [min, max] = [Number(inputs["min"]), Number(inputs["max"])];
    if (max < min) {
      throw new Error(
        "Create Random Integer Error: The minimum (min) value needs to be smaller than or equal to maximum (max) value.",
      );
    }
    const result = randomInt(min, max + 1);
    return { id: String(result), outputs: { result } };
  },
});

/** `random:index/randomShuffle:RandomShuffle`: `resultCount` elements, all of them before any comes again. */
export const randomShuffle = generatedResource({
  defaults: {},
  computed: ["results"],
  generate(inputs) {
    refuseSeed(inputs);
    const given = (inputs["inputs"] ?? []) as string[];
    const count = Number(inputs["resultCount"] ?? given.length);
    const results: string[] = [];
    while (given.length > 0 && results.length < count) results.push(...shuffled(given));
    return { id: "-", outputs: { results: results.slice(0, count) } };
  },
});

/** `random:index/randomUuid:RandomUuid`. */
export const randomUuid = generatedResource({
  defaults: {},
  computed: ["result"],
  generate() {
    const result = randomUUID();
    return { id: result, outputs: { result } };
  },
});
