/** Characters that JSON does not escape but K3s's YAML parser refuses as control characters, or reads as a line end. */
const unprintable = /[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g;

/** A value as YAML that means exactly this value: JSON, with everything escaped that a YAML parser would misread. */
export function yamlValue(value: unknown, indent?: number): string {
  return JSON.stringify(value, undefined, indent).replace(
    unprintable,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
