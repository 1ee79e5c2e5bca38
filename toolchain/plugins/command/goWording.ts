/** Failures in the words of the official plugin, which is written in Go: people search for those. */

/** `host:port`, with brackets around an IPv6 address. */
export function hostPort(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** What Go says where Node gives one of these codes. */
const connectFailures: Record<string, string> = {
  ECONNREFUSED: "connection refused",
  EHOSTUNREACH: "no route to host",
  ENETUNREACH: "network is unreachable",
  ETIMEDOUT: "connection timed out",
  ECONNRESET: "connection reset by peer",
  EADDRNOTAVAIL: "cannot assign requested address",
  EACCES: "permission denied",
};

/** A failed TCP connection to `host`, as Go's dialer reports it. */
export function dialFailure(host: string, port: number, error: unknown): Error {
  // A name with several addresses fails with one error for each; Go reports the first.
  const first = error instanceof AggregateError ? (error.errors[0] as unknown) : error;
  const { code, address, message } = first as NodeJS.ErrnoException & { address?: string };
  if (code === "ENOTFOUND" || code === "EAI_AGAIN" || code === "EAI_NONAME") {
    const why = code === "EAI_AGAIN" ? "Temporary failure in name resolution" : "no such host";
    return new Error(`dial tcp: lookup ${host}: ${why}`);
  }
  const reason = connectFailures[code ?? ""];
  return new Error(`dial tcp ${hostPort(address ?? host, port)}: ${reason ? `connect: ${reason}` : message}`);
}

/** A connection to a unix socket that failed, as Go's dialer reports it. */
export function socketFailure(path: string, error: NodeJS.ErrnoException): Error {
  const reason = error.code === "ENOENT" ? "no such file or directory" : connectFailures[error.code ?? ""];
  return new Error(`dial unix ${path}: ${reason ? `connect: ${reason}` : error.message}`);
}

/** A string as Go's `%q` prints it. */
export function quoted(text: string): string {
  const escapes: Record<string, string> = {
    "\x07": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
    '"': '\\"',
    "\\": "\\\\",
  };
  const escaped = text.replace(/["\\]|\p{C}|[\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    const hex = code.toString(16);
    if (escapes[character]) return escapes[character];
    if (code < 0x80) return `\\x${hex.padStart(2, "0")}`;
    return code > 0xffff ? `\\U${hex.padStart(8, "0")}` : `\\u${hex.padStart(4, "0")}`;
  });
  return `"${escaped}"`;
}
