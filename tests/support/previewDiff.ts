/** What `pulumi preview --diff` shows, taken apart. */

/** What would be done with which resource, such as `update balancer-lb-1-service`; sorted. */
export function plannedChanges(shown: string): string[] {
  const found = shown.matchAll(
    /^ *[~+-]+ ?[\w:/]+: \(([\w-]+)\)\n(?: *\[id=[^\]]*\]\n)? *\[urn=[^\]]*::([^\]:]+)\]$/gm,
  );
  return [...found].map(([, change = "", name = ""]) => `${change} ${name}`).toSorted();
}

/** Every line of a text that would go or come, each with its sign, whatever the revisions in it are; sorted. */
export function changedLines(shown: string): string[] {
  const found = shown.matchAll(/^ +([-+]) {1,}(\S.*)$/gm);
  return [...found]
    .map(([, sign = "", line = ""]) => `${sign} ${line.trim().replace(/\b[0-9a-f]{16}\b/, "REVISION")}`)
    .toSorted();
}
