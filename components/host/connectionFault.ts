/** Why a host could not be worked on, in sentences: the same words for logins of the program's own and for those of its provider. */

/** A kind of failure to reach a host, or to become root there. */
export type ConnectionFault = "otherKey" | "refusedLogin" | "unreachable" | "slow" | "noRoot";

/**
 * One sentence: where the configuration has the host, what is wrong, what to do.
 *
 * @param place such as "k3s-ha:servers.server-1 (198.51.100.11)"
 * @param reason what failed, of a host that is unreachable or slow
 */
export function connectionSentence(place: string, fault: ConnectionFault, reason: string): string {
  switch (fault) {
    case "otherKey":
      return `${place}: the host shows another SSH key than the configured host key. If the host was reinstalled, take its new key with "ssh-keyscan -t ed25519 ADDRESS", compare it with the host's own /etc/ssh/ssh_host_ed25519_key.pub, and configure it. Otherwise, another host may be intercepting the connection.`;
    case "refusedLogin":
      return `${place}: the host refuses the SSH login. Check k3s-ha:ssh.user, and that the public key of the configured private key is in that user's authorized_keys.`;
    case "unreachable":
      return `${place}: the host cannot be reached over SSH (${reason}). Check that it is up, and that its address and port are correct.`;
    case "slow":
      return `${place}: the host is slow: ${reason}. It is overloaded, or hangs: check its load.`;
    case "noRoot":
      return `${place}: the login user cannot become root without a password. Give it password-less sudo, or log in as root.`;
  }
}

/** Whether sudo is why a command failed. */
export function lacksRoot(error: string): boolean {
  return /sudo: (a password is required|a terminal is required|command not found)|sudo: command not found|sudo: not found/.test(
    error,
  );
}

/**
 * One sentence with the configuration's path and the remedy for an error of the command provider's; undefined for other
 * failures, which the host's own script explains.
 */
export function explainConnectionFailure(path: string, error: string): string | undefined {
  if (/host key mismatch|no common algorithm for host key/.test(error)) return connectionSentence(path, "otherKey", "");
  if (error.includes("unable to authenticate")) return connectionSentence(path, "refusedLogin", "");
  const reason = /after -?\d+ failed attempts: (.+)/.exec(error)?.[1]?.replace(/^dial tcp \S+: (connect: )?/, "");
  if (reason !== undefined) return connectionSentence(path, "unreachable", reason);
  return lacksRoot(error) ? connectionSentence(path, "noRoot", "") : undefined;
}
