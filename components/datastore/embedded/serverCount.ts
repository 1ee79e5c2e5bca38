/** Why K3s's own etcd cannot have so many servers, of which so many live, with the remedy; undefined when it can. */
export function serverCountFault(servers: number, living: number): string | undefined {
  if (servers === 2)
    return "has 2 servers, but etcd needs more than half of its members: the loss of either of two stops the API, more often than with one. Add a third server, or remove one";
  if (2 * living <= servers)
    return `has ${servers} servers, of which ${servers - living} are lost, so etcd has no quorum, and no member can be removed or added: restore the cluster from a backup, as docs/restore.md describes`;
  return undefined;
}
