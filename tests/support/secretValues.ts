/** The secrets of a stack in the clear, for tests that look for them where they must not be. */

/** How Pulumi marks a secret in an exported state, and what it puts there when asked to show it. */
const secretMark = "4dabf18193072939515e22adb298388d";

/** Shorter texts would be found everywhere by chance. */
const shortestSecret = 16;

/**
 * Every secret text in a state exported with `--show-secrets`, as texts to search for: of a PEM key a line from its
 * middle, of a script the words that are secrets elsewhere already.
 */
export function secretNeedles(exported: unknown): string[] {
  const needles = new Set<string>();
  collect(exported, false, needles);
  return [...needles];
}

function collect(value: unknown, secret: boolean, needles: Set<string>): void {
  if (typeof value === "string") {
    if (secret) for (const needle of needlesIn(value)) needles.add(needle);
    return;
  }
  if (typeof value !== "object" || value === null) return;
  if (secretMark in value) {
    const { plaintext } = value as { plaintext?: string };
    collect(plaintext === undefined ? undefined : (JSON.parse(plaintext) as unknown), true, needles);
    return;
  }
  for (const each of Object.values(value)) collect(each, secret, needles);
}

function needlesIn(text: string): string[] {
  const keys = [...text.matchAll(/-----BEGIN ([A-Z ]*)PRIVATE KEY-----\n([^-]+)-----END/g)].map(
    ([, kind = "", body = ""]) => secretLine(kind.trim(), body.trim().split("\n")),
  );
  // A single word is itself a secret; longer texts are made of words and keys that the state holds on their own.
  const words = /^\S+$/.test(text) ? [text] : [];
  return [...keys, ...words].filter((needle) => needle.length >= shortestSecret && !isPublic(needle));
}

/** A line of a key that holds a part of the secret half; the others may hold nothing but the public one. */
function secretLine(kind: string, lines: readonly string[]): string {
  if (kind === "OPENSSH") return lines.at(-2) ?? "";
  // RSA keys are long, and begin with the public modulus; keys on curves begin with the secret number.
  return lines[lines.length >= 10 ? Math.floor(lines.length / 2) : 0] ?? "";
}

/**
 * What scripts print is marked secret, whatever it is: the random revisions of changed files, and the names of
 * backups, which are outputs, are none.
 */
function isPublic(text: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text) || /^\d{8}T\d{6}Z-\d+$/.test(text);
}
