/**
 * Runs a piece of a Pulumi program under mocks: no CLI, no plugin, no host. What it proves is which resources are
 * asked for, with what inputs, under which parents and in which order; never that a host accepts them.
 */
import { setTimeout as sleep } from "node:timers/promises";
import * as pulumi from "@pulumi/pulumi";
import type { RegisterResourceOutputsRequest, RegisterResourceRequest } from "@pulumi/pulumi/proto/resource_pb.js";
import { isSecret, plainTexts, reveal, secret, secretTexts } from "./wire.ts";

/** A resource as it was registered. */
export interface Registered {
  type: string;
  name: string;
  /** Whether a provider makes it, and not the program alone. */
  custom: boolean;
  /** Name of the resource that it belongs to, if any. */
  parent: string | undefined;
  /** Names of the resources that the engine makes first, and deletes later. */
  dependencies: readonly string[];
  /** As they travel: secrets and unknowns are marked (wire.ts). */
  inputs: Readonly<Record<string, unknown>>;
  additionalSecretOutputs: readonly string[];
  retainOnDelete: boolean;
  /** Whether Pulumi refuses to delete or replace it. */
  protect: boolean;
  /** Name of the resource with which it is gone anyway, if any. */
  deletedWith: string | undefined;
  /** What its plugin finds in its environment, by the variable of Pulumi's own that holds it. */
  environment: Readonly<Record<string, string>>;
  /** Names of the hooks that run when it fails. */
  errorHooks: readonly string[];
  /** Names of the hooks that run before it is made or changed. */
  changeHooks: readonly string[];
  /** What a component registered as its outputs, as it travels. */
  outputs: Readonly<Record<string, unknown>> | undefined;
  /** When it was asked for, and when it was there: places in one order of all such events. */
  started: number;
  ended: number;
}

/** What a program registered, and what it returned once everything was known. */
export interface Deployment<T> {
  resources: readonly Registered[];
  /** Every secret that a provider made. */
  secrets: readonly string[];
  result: T;
}

export interface DeployOptions {
  /**
   * What a preview knows of what providers make: "first", before anything exists, nothing; "again", on a stack that
   * is up to date, everything. Default: no preview but an `up`.
   */
  preview?: "first" | "again";
  /** The stack's configuration, with keys such as "k3s-ha:servers". Default: none. */
  config?: Readonly<Record<string, string>>;
  /** The keys of the configuration that are encrypted. */
  secretKeys?: readonly string[];
  /** The name that what providers make of a resource is told apart by. Default: the resource's own. */
  madeAs?: (name: string) => string;
  /** The outputs of other stacks, by full name of the stack; a secret one is marked so (wire.ts). Default: none. */
  stacks?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** The type of whatever acts on a host. */
export const commandType = "command:remote:Command";

/** Outputs that providers would have made. Distinct per resource, so that a test sees which one it got. */
function outputsOf(type: string, name: string): Record<string, unknown> {
  switch (type) {
    case "random:index/randomUuid:RandomUuid":
      return { result: `${name}-result` };
    case "random:index/randomPassword:RandomPassword":
      return { result: secret(`${name}-result`) };
    case "tls:index/privateKey:PrivateKey":
      return { privateKeyPem: secret(pem("private key", name)) };
    case "tls:index/selfSignedCert:SelfSignedCert":
    case "tls:index/locallySignedCert:LocallySignedCert":
      return { certPem: pem("certificate", name) };
    case "tls:index/certRequest:CertRequest":
      return { certRequestPem: pem("certificate request", name) };
    case commandType:
      return { stdout: secret(`revision-of-${name}`), stderr: secret("") };
    case "pulumi:providers:mysql":
    case "mysql:index/database:Database":
    case "mysql:index/user:User":
    case "mysql:index/grant:Grant":
      return {};
    default:
      throw new Error(`the mocks do not know what a ${type} gives out`);
  }
}

const stackReferenceType = "pulumi:pulumi:StackReference";

/** What the engine hands over of another stack. */
function stackState({ stacks = {} }: DeployOptions, stack: string): Record<string, unknown> {
  const outputs = stacks[stack];
  if (outputs === undefined) throw new Error(`unknown stack "${stack}"`);
  const secretOutputNames = Object.keys(outputs).filter((name) => isSecret(outputs[name]));
  return { name: stack, outputs, secretOutputNames };
}

/** Stands for a PEM text: no test parses one, and none looks like a key that was committed. */
function pem(kind: string, name: string): string {
  return `(${kind} ${name})\n`;
}

const nameOf = (urn: string) => urn.slice(urn.lastIndexOf("::") + 2);

/** Runs `program` to its end, as an `up` or as a preview. */
export async function deploy<T>(program: () => T | Promise<T>, options: DeployOptions = {}): Promise<Deployment<T>> {
  const resources: Registered[] = [];
  const secrets = new Set<string>();
  let events = 0;
  pulumi.runtime.setAllConfig({ ...options.config }, [...(options.secretKeys ?? [])]);
  await pulumi.runtime.setMocks(
    {
      newResource: async ({ type, name, custom, inputs }) => {
        if (type === stackReferenceType) {
          const { name: stack } = inputs as { name: string };
          return { id: stack, state: stackState(options, stack) };
        }
        const registered = resources.find((resource) => resource.type === type && resource.name === name);
        if (registered === undefined) throw new Error(`${type} ${name} was not seen`);
        // Long enough for whatever does not wait for this resource to be asked for before it is there.
        if (custom === true) await sleep(2);
        const made =
          custom === true && options.preview !== "first" ? outputsOf(type, options.madeAs?.(name) ?? name) : {};
        // What a script prints is kept from logs, but by convention it is no secret.
        if (type !== commandType) for (const text of secretTexts(made)) secrets.add(text);
        registered.ended = events++;
        return {
          id: options.preview === "first" ? undefined : `${name}-id`,
          state: { ...(inputs as Record<string, unknown>), ...made },
        };
      },
      call: ({ token }) => {
        throw new Error(`the program calls ${token}; it has to be known without a provider`);
      },
    },
    "k3s-ha",
    "test",
    options.preview !== undefined,
  );
  watchMonitor(
    (request) => {
      const inputs = (request.getObject()?.toJavaScript() ?? {}) as Record<string, unknown>;
      resources.push({
        type: request.getType(),
        name: request.getName(),
        custom: request.getCustom(),
        parent: request.getParent() === "" ? undefined : nameOf(request.getParent()),
        dependencies: request.getDependenciesList().map(nameOf).toSorted(),
        inputs,
        additionalSecretOutputs: request.getAdditionalsecretoutputsList().toSorted(),
        retainOnDelete: request.getRetainondelete() ?? false,
        protect: request.getProtect() ?? false,
        deletedWith: request.getDeletedwith() === "" ? undefined : nameOf(request.getDeletedwith()),
        environment: Object.fromEntries(request.getEnvvarmappingsMap().toObject(false)),
        errorHooks: request.getHooks()?.getOnErrorList() ?? [],
        changeHooks: [
          ...new Set([
            ...(request.getHooks()?.getBeforeCreateList() ?? []),
            ...(request.getHooks()?.getBeforeUpdateList() ?? []),
          ]),
        ],
        outputs: undefined,
        started: events++,
        ended: Infinity,
      });
    },
    (request) => {
      const component = resources.find((resource) => !resource.custom && resource.name === nameOf(request.getUrn()));
      if (component !== undefined) component.outputs = request.getOutputs()?.toJavaScript();
    },
  );
  // Waits for every registration, also after a failure: a late one would crash the test that comes next.
  let result: T;
  try {
    result = await program();
  } finally {
    await pulumi.runtime.disconnect();
  }
  return { resources, secrets: [...secrets], result };
}

/** Sees every request as it is on its way to the engine: Pulumi's own mocks leave out options and outputs. */
function watchMonitor(
  onResource: (request: RegisterResourceRequest) => void,
  onOutputs: (request: RegisterResourceOutputsRequest) => void,
): void {
  type Handler<Request> = (request: Request, callback: unknown) => unknown;
  const monitor = pulumi.runtime.getMonitor() as unknown as {
    registerResource: Handler<RegisterResourceRequest>;
    registerResourceOutputs: Handler<RegisterResourceOutputsRequest>;
    registerErrorHook: (request: unknown, callback: (error: null, answer: object) => void) => void;
    registerResourceHook: (request: unknown, callback: (error: null, answer: object) => void) => void;
  };
  const registerResource = monitor.registerResource.bind(monitor);
  monitor.registerResource = (request, callback) => {
    onResource(request);
    return registerResource(request, callback);
  };
  const registerResourceOutputs = monitor.registerResourceOutputs.bind(monitor);
  monitor.registerResourceOutputs = (request, callback) => {
    onOutputs(request);
    return registerResourceOutputs(request, callback);
  };
  // The mocks have no word of hooks, and the program would wait for ever.
  monitor.registerErrorHook = monitor.registerResourceHook = (_, callback) => {
    callback(null, {});
  };
}

/** The resource of that name. Components and their children never share one. */
export function resourceNamed(deployment: Deployment<unknown>, name: string): Registered {
  const found = deployment.resources.filter((resource) => resource.name === name);
  if (found.length !== 1 || found[0] === undefined) throw new Error(`${found.length} resources are named ${name}`);
  return found[0];
}

/** Everything that acts on a host. */
export function commandsOf(deployment: Deployment<unknown>): Registered[] {
  return deployment.resources.filter(({ type }) => type === commandType);
}

/** The script of a command, whether it is secret or not. */
export function scriptOf(command: Registered): string {
  const script = reveal(command.inputs["stdin"]);
  if (typeof script !== "string") throw new Error(`${command.name} has no script`);
  return script;
}

/** `type name`, each under its parent, in one fixed order: what a reader would draw. */
export function tree(deployment: Deployment<unknown>): string {
  const lines = (parent: string | undefined, depth: number): string[] =>
    deployment.resources
      .filter((resource) => resource.parent === parent)
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))
      .flatMap(({ type, name }) => [`${"  ".repeat(depth)}${name}  ${type}`, ...lines(name, depth + 1)]);
  return `${lines(undefined, 0).join("\n")}\n`;
}

/** Every plain text of an `up` that a secret stands in, of those that providers made and `given` ones: should be none. */
export function leaks(deployment: Deployment<unknown>, given: readonly string[] = []): string[] {
  const forms = [...deployment.secrets, ...given].flatMap((text) => [
    text.trim(),
    Buffer.from(text).toString("base64"),
  ]);
  return deployment.resources.flatMap(({ name, inputs, outputs }) =>
    [...plainTexts(inputs), ...plainTexts(outputs)]
      .filter((text) => forms.some((form) => text.includes(form)))
      .map((text) => `${name}: ${text}`),
  );
}
