/** The candidate that `word` is most likely a slip of, or undefined when none is near. Letter case does not count. */
export function nearMatch(word: string, candidates: readonly string[]): string | undefined {
  const ranked = candidates
    .map((candidate) => ({ candidate, distance: editDistance(word.toLowerCase(), candidate.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance);
  const [best] = ranked;
  // A third of the letters: "prot" is near "port", "user" is not near "port".
  return best !== undefined && best.distance <= Math.max(1, Math.floor(word.length / 3)) ? best.candidate : undefined;
}

/** Letters to insert, remove, replace or swap with their neighbour to get from one word to the other. */
function editDistance(from: string, to: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const replaced = (last[column - 1] ?? 0) + (from[row - 1] === to[column - 1] ? 0 : 1);
      let cheapest = Math.min(replaced, (last[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1);
      if (from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1]) {
        cheapest = Math.min(cheapest, (beforeLast[column - 2] ?? Infinity) + 1);
      }
      current.push(cheapest);
    }
    beforeLast = last;
    last = current;
  }
  return last[to.length] ?? from.length;
}
