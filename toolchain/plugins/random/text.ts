/** `RandomPassword` and `RandomString`: the same text, once secret and hashed, once plain. */
import { generatedResource } from "../provider/generated.ts";
import type { CheckFailure } from "../provider/resource.ts";
import type { PropertyMap } from "../provider/value.ts";
import { randomText, type Composition } from "./characters.ts";

/** bcrypt takes no more bytes of a password than this. */
const bcryptBytes = 72;
const bcryptCost = 10;

const validate = (inputs: PropertyMap): CheckFailure[] => {
  const given = inputs as unknown as Composition;
  const minimums = given.minUpper + given.minLower + given.minNumeric + given.minSpecial;
  const fail = (problem: string): CheckFailure[] => [
    { property: "length", reason: `Invalid Attribute Value. ${problem}` },
  ];
  if (given.length < 1) return fail(`Attribute length value must be at least 1, got: ${given.length}`);
  if (given.length < minimums) {
    return fail(
      "Attribute length value must be at least sum of min_upper + min_lower + min_numeric + min_special, " +
        `got: ${given.length}`,
    );
  }
  if (!(given.upper || given.lower || given.numeric || given.special)) {
    const reason =
      "Invalid Attribute Combination. At least one attribute out of [special,upper,lower,numeric] must be specified as true";
    return [{ property: "special", reason }];
  }
  return [];
};

/** `number` is the former name of `numeric`; both are stored. */
const defaults = (inputs: PropertyMap): PropertyMap => {
  const numeric = inputs["numeric"] ?? inputs["number"] ?? true;
  return {
    upper: true,
    lower: true,
    special: true,
    numeric,
    number: numeric,
    minUpper: 0,
    minLower: 0,
    minNumeric: 0,
    minSpecial: 0,
  };
};

function compose(inputs: PropertyMap): string {
  return randomText({ overrideSpecial: "", ...inputs } as unknown as Composition);
}

/** `random:index/randomPassword:RandomPassword`. */
export const randomPassword = generatedResource({
  defaults,
  computed: ["result", "bcryptHash"],
  secret: ["result", "bcryptHash"],
  validate,
  async generate(inputs) {
    const result = compose(inputs);
    // Loaded here: only this resource needs it.
    const { default: bcrypt } = await import("bcryptjs");
    const hash = await bcrypt.hash(Buffer.from(result).subarray(0, bcryptBytes).toString(), bcryptCost);
    // The same function under the name that the official plugin's library writes.
    return { id: "none", outputs: { result, bcryptHash: hash.replace(/^\$2b\$/, "$2a$") } };
  },
});

/** `random:index/randomString:RandomString`. */
export const randomString = generatedResource({
  defaults,
  computed: ["result"],
  validate,
  generate(inputs) {
    const result = compose(inputs);
    return { id: result, outputs: { result } };
  },
});
