// Proves that docs/contract.md and the README say what the contract is. What a stack exports, and that a reader
// gets it, clusterReference.test.ts proves.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { z } from "zod";
import { contract, type ContractOutput, contractVersion, secretOutputs } from "../../components/contract/contract.ts";

const root = join(import.meta.dirname, "../..");

function rows(file: string, columns: number): string[][] {
  return readFileSync(join(root, file), "utf8")
    .split("\n")
    .filter((line) => line.startsWith("| `"))
    .map((line) =>
      line
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )
    .filter((cells) => cells.length === columns);
}

function typeOf(name: ContractOutput): string {
  const schema = contract[name];
  const type = schema instanceof z.ZodRecord ? "map of text" : schema instanceof z.ZodObject ? "map" : "text";
  return secretOutputs.includes(name) ? `${type}, secret` : type;
}

describe("docs/contract.md", () => {
  it("has every output of the contract, with its type and meaning, and no other", () => {
    const outputs = (Object.keys(contract) as ContractOutput[]).map((name) => [
      `\`${name}\``,
      typeOf(name),
      contract[name].description ?? "",
    ]);
    const version = ["`contractVersion`", "whole number", `Version of this table: ${contractVersion}.`];
    assert.deepEqual(rows("docs/contract.md", 3), [version, ...outputs]);
  });
});

describe("README.md", () => {
  it("names every output", () => {
    const named = rows("README.md", 2).flatMap(([cell = ""]) =>
      [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name),
    );
    for (const name of ["contractVersion", ...Object.keys(contract)]) assert.ok(named.includes(name), name);
  });
});
