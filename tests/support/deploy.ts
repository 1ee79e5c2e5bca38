/**
 * Runs a piece of a Pulumi program under mocks: no CLI, no plugin, no host. What it proves is which resources are
 * asked for, with what inputs, under which parents; never that a host accepts them.
 */
import * as pulumi from "@pulumi/pulumi";

/** A resource as it was registered. */
export interface Registered {
  type: string;
  name: string;
  custom: boolean;
  inputs: Record<string, unknown>;
}

/** What a program registered, and what it returned once everything was known. */
export interface Deployment<T> {
  resources: Registered[];
  result: T;
}

/** How Pulumi marks a secret on the wire. */
const secretMark = "4dabf18193072939515e22adb298388d";

/** Outputs that providers would have made. Distinct per resource, so that a test sees which one it got. */
function outputsOf(type: string, name: string, inputs: Record<string, unknown>): Record<string, unknown> {
  switch (type) {
    case "random:index/randomPassword:RandomPassword":
      return { ...inputs, result: secret(`${name}-result`) };
    case "tls:index/privateKey:PrivateKey":
      return { ...inputs, privateKeyPem: secret(`-----KEY ${name}-----\n`) };
    case "tls:index/selfSignedCert:SelfSignedCert":
    case "tls:index/locallySignedCert:LocallySignedCert":
      return { ...inputs, certPem: `-----CERTIFICATE ${name}-----\n` };
    case "tls:index/certRequest:CertRequest":
      return { ...inputs, certRequestPem: `-----REQUEST ${name}-----\n` };
    case "command:remote:Command":
      return { ...inputs, stdout: `revision-of-${name}`, stderr: "" };
    default:
      return inputs;
  }
}

function secret(value: unknown): unknown {
  return { [secretMark]: "1b47061264138c4ac30d75fd1eb44270", value };
}

/** True when a value, as a provider gets it, is marked secret. */
export function isSecret(value: unknown): boolean {
  return typeof value === "object" && value !== null && secretMark in value;
}

/** The plain value behind a secret's mark. */
export function reveal(value: unknown): unknown {
  return isSecret(value) ? (value as { value: unknown }).value : value;
}

/** Every text in an input that is not marked secret, however deep. */
export function plainTexts(value: unknown): string[] {
  if (typeof value === "string") return [value];
  if (isSecret(value) || typeof value !== "object" || value === null) return [];
  return Object.values(value).flatMap(plainTexts);
}

/** Runs `program` as an `up`, or as a preview in which nothing that a provider makes is known. */
export async function deploy<T>(program: () => T, options: { preview?: boolean } = {}): Promise<Deployment<T>> {
  const resources: Registered[] = [];
  await pulumi.runtime.setMocks(
    {
      newResource: ({ type, name, inputs, custom }) => {
        resources.push({ type, name, custom: custom ?? false, inputs: inputs as Record<string, unknown> });
        const state = options.preview === true ? (inputs as Record<string, unknown>) : outputsOf(type, name, inputs as Record<string, unknown>);
        return { id: options.preview === true ? undefined : `${name}-id`, state };
      },
      call: ({ inputs }) => inputs as Record<string, unknown>,
    },
    "k3s-ha",
    "test",
    options.preview ?? false,
  );
  // Waits for every registration, also after a failure: a late one would crash the test that comes next.
  let result: T;
  try {
    result = program();
  } finally {
    await pulumi.runtime.disconnect();
  }
  return { resources, result };
}
