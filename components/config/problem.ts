/** One error in the configuration, with everything that is needed to correct it. */
export interface Problem {
  /** Its path, such as `k3s-ha:servers.server-2.address`. */
  readonly path: string;
  /** The problem, the expected value and the remedy, as the rest of a sentence that begins with the path. */
  readonly fault: string;
  /** Paths at which nothing else may be wrong for this to be true: what is wrong is left out before all is seen together. */
  readonly presumes?: readonly string[];
}

/** Those of the problems whose presumptions hold, given what was wrong before. */
export function tenable(problems: readonly Problem[], before: readonly Problem[]): Problem[] {
  const isBroken = (path: string) => before.some((other) => other.path === path || other.path.startsWith(`${path}.`));
  return problems.filter(({ presumes = [] }) => !presumes.some(isBroken));
}

/** Takes note of a problem. */
export type Tell = (path: string, fault: string) => void;

/** The problem as one sentence. */
export function sentenceOf(problem: Problem): string {
  return `${problem.path} ${problem.fault}.`;
}

/** The configuration cannot be used. Contains all problems, not only the first. */
export class InvalidConfiguration extends Error {
  /** One sentence each. */
  readonly problems: readonly string[];

  constructor(problems: readonly Problem[]) {
    const sentences = problems.map(sentenceOf);
    super(sentences.join("\n"));
    this.problems = sentences;
  }
}

/** Longest value that a message repeats; what is longer is cut, since its beginning is enough to recognise it. */
const longestShown = 80;

/**
 * A value as a message may show it. Text that is, or may hold, a key or a password is never shown, wherever it stands:
 * a private key pasted in the place of its file's name must not end up in a log.
 */
export function shown(value: unknown): string {
  const text = JSON.stringify(value);
  if (/PRIVATE KEY|AGE-SECRET-KEY|\\n|:\/\/[^/"]*@|^"\w+:[^"]*@/.test(text))
    return "a value that may be secret and is not shown";
  return text.length <= longestShown ? text : `${text.slice(0, longestShown)}…`;
}
