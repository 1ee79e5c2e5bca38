/** Random text out of classes of characters, each with a minimum. */
import { randomInt } from "node:crypto";

/** What the text is made of. */
export interface Composition {
  length: number;
  upper: boolean;
  lower: boolean;
  numeric: boolean;
  special: boolean;
  minUpper: number;
  minLower: number;
  minNumeric: number;
  minSpecial: number;
  /** Special characters in place of the default ones; "" keeps those. */
  overrideSpecial: string;
}

const defaultSpecial = "!@#$%&*()-_=+[]{}<>:?";

/** A text of `length` characters: the minimum of each class, the rest from all allowed ones, in random order. */
export function randomText(composition: Composition): string {
  const classes = [
    { allowed: composition.numeric, characters: "0123456789", minimum: composition.minNumeric },
    { allowed: composition.lower, characters: "abcdefghijklmnopqrstuvwxyz", minimum: composition.minLower },
    { allowed: composition.upper, characters: "ABCDEFGHIJKLMNOPQRSTUVWXYZ", minimum: composition.minUpper },
    {
      allowed: composition.special,
      characters: composition.overrideSpecial || defaultSpecial,
      minimum: composition.minSpecial,
    },
  ];
  // Like the official plugin, a minimum counts even for a class that is switched off.
  const required = classes.flatMap(({ characters, minimum }) => pick(characters, minimum));
  const allowed = classes.map((one) => (one.allowed ? one.characters : "")).join("");
  return shuffled([...required, ...pick(allowed, composition.length - required.length)]).join("");
}

/** A random order of `elements`, each order equally likely. */
export function shuffled<T>(elements: T[]): T[] {
  const result = [...elements];
  for (let last = result.length - 1; last > 0; last--) {
    const other = randomInt(last + 1);
    [result[last], result[other]] = [result[other] as T, result[last] as T];
  }
  return result;
}

function pick(characters: string, count: number): string[] {
  const choices = Array.from(characters);
  return Array.from({ length: count }, () => choices[randomInt(choices.length)] as string);
}
