import { isAddress } from "./address.ts";

/** `user:password@tcp(host:port)/schema?parameters`: the password is literal, so the last "@tcp(" ends it. */
const mysqlEndpoint = /^mysql:\/\/([^:/@]+):(.*)@tcp\((\[[^\]]+\]|[^()[\]:]+)(?::(\d+))?\)\/([^/?]*)(?:\?(.*))?$/s;

const example = "mysql://user:password@tcp(host:3306)/schema";

/**
 * Why an endpoint cannot be used, with the remedy. Every endpoint has such a reason in this version; what is wrong with
 * the endpoint itself comes first. No part of it is repeated, because it holds a password.
 */
export function datastoreEndpointFault(endpoint: string): string {
  const scheme = /^([a-z]+):\/\//.exec(endpoint)?.[1];
  if (scheme === undefined) return `has to be the endpoint of a database: write it like ${example}`;
  if (scheme !== "mysql")
    return `is of a ${scheme} datastore, but has to be of MySQL or MariaDB: write it like ${example}`;

  const parts = mysqlEndpoint.exec(endpoint);
  if (parts === null)
    return `has to have user, password, tcp(…) around the host, and a schema: write it like ${example}`;
  const [, , password = "", host = "", port = "3306", schema = "", query = ""] = parts;
  if (password === "") return "has no password, so whoever reaches the database gets in: give the user one";
  if (!isAddress(host.replace(/^\[|\]$/g, "")) || Number(port) < 1 || Number(port) > 65535) {
    return `has to have an IP address or a DNS name, and a port, in tcp(…): write it like ${example}`;
  }
  if (schema === "") return `names no schema, and K3s would create one called kubernetes: write it like ${example}`;

  for (const name of query.split("&").map((parameter) => parameter.split("=")[0] ?? "")) {
    if (name.toLowerCase() === "tls") {
      return "has the parameter tls=, which silently overrides the CA file that the database is verified with: remove it, since TLS is verified without it";
    }
    if (/^kine/i.test(name)) {
      return "has a parameter KINE…, which is the name of an environment variable that can turn verification off: remove it";
    }
  }
  return "is set, but this version manages its own MariaDB only: remove it and configure k3s-ha:datastore.managed";
}
