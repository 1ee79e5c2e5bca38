/** Why an etcd may not have this number of members; undefined when it may. `lost` of them are lost. */
export function memberCountFault(members: number, lost: number): string | undefined {
  const living = members - lost;
  if (living * 2 <= Math.min(members, 5) && lost > 0)
    return `has ${members} members of which ${lost} are lost, and etcd without its majority answers nobody: restore a backup on hosts of new names, as docs/day-two.md describes`;
  // Until a lost one is replaced, an odd number with it is what there was.
  if ([1, 3, 5].includes(living) || (lost > 0 && [3, 5].includes(members))) return undefined;
  if (living > 5)
    return `has ${living} members, but every write waits for a majority of them: write three, of which one may be lost, or five, of which two may be lost`;
  return `has ${living} members, of which no more may be lost than of ${living - 1}, while there is one more to lose: write one, three or five`;
}
