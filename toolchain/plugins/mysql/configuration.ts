/** The provider's own arguments: server, user, options. */
import type { CheckFailure } from "../provider/resource.ts";
import { hasUnknown, revealAll, type PropertyMap } from "../provider/value.ts";

/** How the connection is protected: not at all, by a verified certificate, by an unverified one. */
export type Tls = "false" | "true" | "skip-verify";

/** A server and an account on it. */
export interface Configuration {
  /** Host and port, or the path of a unix socket on this machine. */
  address: { host: string; port: number } | { socketPath: string };
  username: string;
  password: string;
  tls: Tls;
  /** Send the password in clear to servers that ask for it. */
  cleartext: boolean;
}

const tlsKinds = ["true", "false", "skip-verify"];

/** What is wrong with the arguments. What is missing may come from the environment. */
export function configurationFailures(args: PropertyMap): CheckFailure[] {
  if (hasUnknown(args)) return [];
  const { endpoint, username, tls } = withEnvironment(args);
  const failures: CheckFailure[] = [];
  const fail = (property: string, reason: string): number => failures.push({ property, reason });
  for (const [property, value] of Object.entries({ endpoint, username })) {
    if (value === undefined) fail(property, `Missing required property '${property}'`);
  }
  if (endpoint === "") fail("endpoint", "Endpoint must not be an empty string");
  if (tls !== undefined && !tlsKinds.includes(tls)) {
    fail("tls", `expected tls to be one of [${tlsKinds.map((kind) => `"${kind}"`).join(" ")}], got ${tls}`);
  }
  return failures;
}

/** Reads the arguments. */
export function configurationOf(args: PropertyMap): Configuration {
  const given = withEnvironment(args);
  if (given.proxy) {
    throw new Error(
      "proxy is not supported by the sandbox's drop-in for the mysql plugin; install the official plugin",
    );
  }
  return {
    address: addressOf(given.endpoint ?? ""),
    username: given.username ?? "",
    password: given.password ?? "",
    tls: (given.tls ?? "false") as Tls,
    cleartext: given.authenticationPlugin === "cleartext",
  };
}

/** The arguments as the engine gives them: all text. */
interface Given {
  endpoint?: string | undefined;
  username?: string | undefined;
  password?: string | undefined;
  tls?: string | undefined;
  proxy?: string;
  authenticationPlugin?: string;
}

function withEnvironment(args: PropertyMap): Given {
  const { MYSQL_ENDPOINT, MYSQL_USERNAME, MYSQL_PASSWORD, MYSQL_TLS_CONFIG } = process.env;
  return {
    endpoint: MYSQL_ENDPOINT,
    username: MYSQL_USERNAME,
    password: MYSQL_PASSWORD,
    tls: MYSQL_TLS_CONFIG,
    ...(revealAll(args) as Given),
  };
}

function addressOf(endpoint: string): Configuration["address"] {
  if (endpoint.startsWith("/")) return { socketPath: endpoint };
  const [, bracketed, plain, port] = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d+))?$/.exec(endpoint) ?? [];
  return { host: bracketed ?? plain ?? endpoint, port: Number(port ?? 3306) };
}
