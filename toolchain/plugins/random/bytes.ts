/** `RandomId` and `RandomBytes`: random bytes in several notations. */
import { randomBytes as bytesOf } from "node:crypto";
import { generatedResource } from "../provider/generated.ts";
import type { CheckFailure } from "../provider/resource.ts";
import { textOf, type PropertyMap } from "../provider/value.ts";

const atLeastOne =
  (property: string, attribute: string) =>
  (inputs: PropertyMap): CheckFailure[] => {
    const count = Number(inputs[property]);
    if (count >= 1) return [];
    return [
      { property, reason: `Invalid Attribute Value. Attribute ${attribute} value must be at least 1, got: ${count}` },
    ];
  };

/** `random:index/randomId:RandomId`. Every notation begins with `prefix`; the id does not. Not secret. */
export const randomId = generatedResource({
  defaults: {},
  computed: ["b64Std", "b64Url", "dec", "hex"],
  validate: atLeastOne("byteLength", "byte_length"),
  generate(inputs) {
    const bytes = bytesOf(Number(inputs["byteLength"]));
    const prefix = textOf(inputs["prefix"]);
    const hex = bytes.toString("hex");
    const id = bytes.toString("base64url");
    const outputs = {
      b64Std: prefix + bytes.toString("base64"),
      b64Url: prefix + id,
      dec: prefix + BigInt(`0x${hex}`).toString(),
      hex: prefix + hex,
    };
    return { id, outputs };
  },
});

/** `random:index/randomBytes:RandomBytes`. Secret. */
export const randomBytes = generatedResource({
  defaults: {},
  computed: ["base64", "hex"],
  secret: ["base64", "hex"],
  storesId: false,
  validate: atLeastOne("length", "length"),
  generate(inputs) {
    const bytes = bytesOf(Number(inputs["length"]));
    const base64 = bytes.toString("base64");
    return { id: base64, outputs: { base64, hex: bytes.toString("hex") } };
  },
});
