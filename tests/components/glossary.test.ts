// Proves that the project's words are those of its field: in messages, docstrings, comments, names of tests and docs.
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { projectDirectory } from "../../operations/workspace.ts";

/** Phrases that say less than a term does, and what to write instead. */
const phrases: readonly (readonly [phrase: RegExp, instead: string])[] = [
  [/\bbut for\b/gi, "except"],
  [/\b(?:tell|tells|told|telling) of\b/gi, "report, warn"],
  [
    /\b(?:that|which|who) (?:is|are|was|were) (?:already )?there\b(?! for)|\b(?:is|are) (?:there already|already there)\b/gi,
    "existing",
  ],
  [/\blook(?:s|ed|ing)? (?:at|into|whether)\b/gi, "check, verify, inspect"],
  [/\bgoing back from\b|\b(?:is|are) meant\b/gi, "roll back, downgrade, migrate"],
  [/\b(?:take|takes|taken|taking|took)(?: \w+)? away\b/gi, "remove, delete"],
  [/\bsomebody\b/gi, "others, another user, an operator"],
  [/(?<!-)\bwhom\b|\bwho(?:m|so)?ever\b/gi, "the noun that is meant"],
  [/\bmend(?:s|ed|ing)?\b/gi, "correct, repair"],
  [/\bsigns? of life\b/gi, "does not answer"],
  [/\bask(?:s|ed|ing)? whether\b/gi, "check"],
  [/\b(?:random|new|another) word\b|\bword that asks\b|\b(?:without|by) a word\b/gi, "revision, value"],
  [/\bjust\b/gi, "only, exactly"],
  [/\banew\b/gi, "again"],
  [/\bend(?:s|ed|ing)? well\b/gi, "succeed"],
  [/\ball the same\b/gi, "anyway"],
  [/\bgone for good\b/gi, "lost permanently"],
];

// Not matched: "machine", "database", "member", "word", "goes", "given", "nobody" and "proved" are also right words, names of others or
// names in code; "balancer" is also a folder.

/** Programs that are on hosts as they are here: another comment would be another file there. */
const onHosts = ["balancerCheck", "balancerState", "k3sStop"].map((name) => `components/balancer/${name}.sh`);

/** What an earlier release wrote. */
const earlier = "tests/sandbox/agentOfThreeCommands/**";

const here = "tests/components/glossary.test.ts";

const files = globSync(
  [
    "{index.ts,*.md,docs/*.md,.ci/*}",
    "{components,operations,policy,examples,sandbox,toolchain,build,tests}/**/*.{ts,sh,md,yaml}",
  ],
  {
    cwd: projectDirectory,
    exclude: [...onHosts, earlier, here, "**/node_modules/**", "tests/golden/**", "docs/api/**"],
  },
);

const textOf = (file: string) => readFileSync(join(projectDirectory, file), "utf8");

/** A file's text with each sentence in one line: without line ends, and without what begins a line of a comment. */
const sentencesOf = (file: string) => textOf(file).replaceAll(/[ \t]*\n[ \t]*(?:\*(?!\/)|\/\/|#|>)?[ \t]*/g, " ");

describe("the words of this project", () => {
  for (const [phrase, instead] of phrases) {
    it(`are not ${phrase.source}, but ${instead}`, () => {
      const found = files.flatMap((file) => {
        const text = sentencesOf(file);
        return [...text.matchAll(phrase)].map(
          ({ index, 0: { length } }) => `${file}: …${text.slice(Math.max(0, index - 40), index + length + 40)}…`,
        );
      });
      assert.deepEqual(found, []);
    });
  }
});

describe("the docs", () => {
  const docs = files.filter((file) => file.endsWith(".md"));

  it("have no line of more than 200 characters", () => {
    const long = docs.flatMap((file) =>
      textOf(file)
        .split("\n")
        .flatMap((line, index) => (line.length > 200 ? [`${file}:${index + 1}`] : [])),
    );
    assert.deepEqual(long, []);
  });

  it("name tests that exist", () => {
    const missing = [
      ...sentencesOf("docs/hosts.md").matchAll(/"([^"]+)"(?: and "([^"]+)")? in `(tests\/[^`]+)`/g),
    ].flatMap(([, one, two, file = ""]) =>
      [one, two].filter((name) => name !== undefined && !textOf(file).includes(name)),
    );
    assert.deepEqual(missing, []);
  });
});
