import { z } from "zod";
import { matching, listOf, mapOf, section, text } from "./schemaTypes.ts";

const endpointExpectation =
  "has to be an http or https URL without a login: write it like https://registry.example.com/v2";

function endpointFault(endpoint: string): string | undefined {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  const isUsable = url !== undefined && ["http:", "https:"].includes(url.protocol);
  return isUsable && url.username === "" && url.password === "" ? undefined : endpointExpectation;
}

const hostPath = matching(
  /^\/[^\r\n\0]+$/,
  "has to be the absolute path of a file on the nodes: write it like /etc/ssl/certs/registry-ca.pem",
);

/** K3s's registries.yaml, except logins, which are secret. */
export const registries = section({
  mirrors: mapOf(
    section({
      endpoint: listOf(text(endpointExpectation, endpointFault), "[https://registry.example.com]").default([]).meta({
        description: "URLs that images of this registry are pulled from, in this order, before the registry itself.",
      }),
      rewrite: mapOf(z.string({ error: "has to be text: put quotes around it" }), '{"^rancher/(.*)": "mirror/$1"}')
        .default({})
        .meta({
          description: "Regular expressions of image names, each with the name to pull from the endpoints instead.",
        }),
    }),
    "docker.io: {endpoint: [https://registry.example.com]}",
  ).default({}),
  configs: mapOf(
    section({
      tls: section({
        ca_file: hostPath
          .optional()
          .meta({ description: "File on the nodes of the CA that verifies the registry. Default: the system's CAs." }),
        cert_file: hostPath
          .optional()
          .meta({ description: "File on the nodes of a client certificate. Default: none." }),
        key_file: hostPath
          .optional()
          .meta({ description: "File on the nodes of the client certificate's key. Default: none." }),
      }),
    }),
    "registry.example.com: {tls: {ca_file: /etc/ssl/certs/registry-ca.pem}}",
  ).default({}),
});

export type RegistriesSection = z.output<typeof registries>;

/** The login for a registry, in K3s's form. */
export interface RegistryLogin {
  readonly username?: string;
  readonly password?: string;
  readonly identity_token?: string;
}

const loginSchema = z.strictObject({
  username: z.string().optional(),
  password: z.string().optional(),
  identity_token: z.string().optional(),
});

const example = '{"registry.example.com": {"username": "…", "password": "…"}}';

/** Logins by registry, or why the text holds none. The fault repeats no part of the text. */
export function parseRegistryCredentials(
  given: string,
): { logins: Readonly<Record<string, RegistryLogin>> } | { fault: string } {
  let value: unknown;
  try {
    value = JSON.parse(given);
  } catch {
    return { fault: `holds no JSON: set it like ${example}` };
  }
  const parsed = z.record(z.string(), loginSchema).safeParse(value);
  if (!parsed.success) {
    return { fault: `has to hold username and password, or identity_token, for each registry: set it like ${example}` };
  }
  for (const [registry, login] of Object.entries(parsed.data)) {
    const isWhole = login.identity_token ? true : Boolean(login.username) && Boolean(login.password);
    if (!isWhole) {
      return {
        fault: `has an incomplete login for ${JSON.stringify(registry)}: set username and password, or identity_token`,
      };
    }
  }
  return { logins: parsed.data };
}
