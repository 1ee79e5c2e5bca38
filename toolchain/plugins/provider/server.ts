/** Answers the engine's calls: unpacks each request, asks the provider, packs the answer. */
import { status, type handleUnaryCall, type ServiceError, type UntypedServiceImplementation } from "@grpc/grpc-js";
import emptyMessages from "google-protobuf/google/protobuf/empty_pb.js";
import pluginMessages from "@pulumi/pulumi/proto/plugin_pb.js";
import messages from "@pulumi/pulumi/proto/provider_pb.js";
import { difference, topLevel, type Change, type Difference } from "./diff.ts";
import type { Engine } from "./engine.ts";
import type { CheckFailure, Provider, ResourceType, Step } from "./resource.ts";
import { fromStruct, toStruct, unknown, type PropertyMap, type Value } from "./value.ts";

/** The handlers of `pulumirpc.ResourceProvider` for `provider`. `signal` aborts what is under way. */
export function handlers(provider: Provider, engine: Engine, signal: AbortSignal): UntypedServiceImplementation {
  const step = (urn: string): Step => ({
    urn,
    name: urn.slice(urn.lastIndexOf("::") + 2),
    log: engine.logger(urn),
    signal,
  });

  return {
    getPluginInfo: answer(() => {
      const info = new pluginMessages.PluginInfo();
      info.setVersion(provider.version);
      return info;
    }),
    getSchema: answer(() => {
      const response = new messages.GetSchemaResponse();
      response.setSchema(JSON.stringify({ name: provider.name, version: provider.version }));
      return response;
    }),
    cancel: answer(() => new emptyMessages.Empty()),

    checkConfig: answer((request: InstanceType<typeof messages.CheckRequest>) => {
      const news = fromStruct(request.getNews());
      const { inputs, failures } = provider.checkConfig?.(news) ?? { inputs: news, failures: [] };
      return checkResponse(inputs, failures);
    }),
    diffConfig: answer((request: InstanceType<typeof messages.DiffRequest>) => {
      const olds = fromStruct(request.getOldInputs() ?? request.getOlds());
      return diffResponse(difference(withoutVersion(olds), withoutVersion(fromStruct(request.getNews())), () => false));
    }),
    configure: answer((request: InstanceType<typeof messages.ConfigureRequest>) => {
      provider.configure?.(fromStruct(request.getArgs()));
      const response = new messages.ConfigureResponse();
      response.setAcceptsecrets(true);
      response.setSupportspreview(true);
      return response;
    }),

    invoke: answer(async (request: InstanceType<typeof messages.InvokeRequest>) => {
      const run = provider.functions?.[request.getTok()];
      if (!run) throw new Error(unsupported(provider, `the function ${request.getTok()}`));
      const response = new messages.InvokeResponse();
      response.setReturn(toStruct(await run(step(""), fromStruct(request.getArgs()))));
      return response;
    }),

    check: answer(async (request: InstanceType<typeof messages.CheckRequest>) => {
      const at = step(request.getUrn());
      const checked = await typeOf(provider, at.urn).check(
        at,
        fromStruct(request.getOlds()),
        fromStruct(request.getNews()),
      );
      return checkResponse(checked.inputs, checked.failures);
    }),
    diff: answer((request: InstanceType<typeof messages.DiffRequest>) => {
      const at = step(request.getUrn());
      const state = fromStruct(request.getOlds());
      const oldInputs = request.getOldInputs() ? fromStruct(request.getOldInputs()) : state;
      const news = fromStruct(request.getNews());
      for (const name of request.getIgnorechangesList()) {
        if (name in oldInputs) news[name] = oldInputs[name] ?? null;
      }
      return diffResponse(typeOf(provider, at.urn).diff(at, request.getId(), oldInputs, state, news));
    }),
    create: answer(async (request: InstanceType<typeof messages.CreateRequest>) => {
      const at = step(request.getUrn());
      const type = typeOf(provider, at.urn);
      const { id, state } = await flushed(at, () =>
        type.create(at, fromStruct(request.getProperties()), request.getPreview()),
      );
      const response = new messages.CreateResponse();
      response.setId(id);
      response.setProperties(toStruct(outputsOf(type, request.getPreview() ? unknown : id, state)));
      return response;
    }),
    read: answer(async (request: InstanceType<typeof messages.ReadRequest>) => {
      const at = step(request.getUrn());
      const [inputs, state] = [fromStruct(request.getInputs()), fromStruct(request.getProperties())];
      const type = typeOf(provider, at.urn);
      const found = type.read
        ? await flushed(at, async () => type.read?.(at, request.getId(), inputs, state))
        : { id: request.getId(), inputs, state };
      const response = new messages.ReadResponse();
      // An empty id is how the protocol says that the resource no longer exists.
      if (!found) return response;
      response.setId(found.id);
      response.setInputs(toStruct(found.inputs));
      response.setProperties(toStruct(outputsOf(type, found.id, found.state)));
      return response;
    }),
    update: answer(async (request: InstanceType<typeof messages.UpdateRequest>) => {
      const at = step(request.getUrn());
      const news = fromStruct(request.getNews());
      const state = fromStruct(request.getOlds());
      for (const name of request.getIgnorechangesList()) {
        if (name in state) news[name] = state[name] ?? null;
      }
      const type = typeOf(provider, at.urn);
      const outputs = await flushed(at, () => type.update(at, request.getId(), state, news, request.getPreview()));
      const response = new messages.UpdateResponse();
      response.setProperties(toStruct(outputsOf(type, request.getId(), outputs)));
      return response;
    }),
    delete: answer(async (request: InstanceType<typeof messages.DeleteRequest>) => {
      const at = step(request.getUrn());
      await flushed(at, async () =>
        typeOf(provider, at.urn).delete?.(at, request.getId(), fromStruct(request.getProperties())),
      );
      return new emptyMessages.Empty();
    }),
  };
}

/** Makes a handler of a function that returns or throws. What is thrown is shown to the user as it is. */
function answer<Request, Response>(
  respond: (request: Request) => Response | Promise<Response>,
): handleUnaryCall<Request, Response> {
  return (call, callback) => {
    Promise.resolve()
      .then(() => respond(call.request))
      .then(
        (response) => {
          callback(null, response);
        },
        (error: unknown) => {
          callback(asServiceError(error));
        },
      );
  };
}

/**
 * Characters of a failure that are sent; from a longer one the middle is left out. The text travels percent-encoded in
 * a header, and the engine takes 16 MiB of headers.
 */
const failureLimit = 4_000_000;

function asServiceError(error: unknown): Partial<ServiceError> {
  const text = error instanceof Error ? error.message : String(error);
  const half = failureLimit / 2;
  const details =
    text.length <= failureLimit
      ? text
      : `${text.slice(0, half)}\n… ${text.length - failureLimit} characters left out …\n${text.slice(-half)}`;
  return { code: status.UNKNOWN, details: details.toWellFormed() };
}

/** Runs a step; its log lines have reached the engine before the outcome does, so that they are shown before it. */
async function flushed<T>(step: Step, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } finally {
    await step.log.flush();
  }
}

function outputsOf({ storesId }: ResourceType, id: Value, state: PropertyMap): PropertyMap {
  return storesId === true ? { ...state, id } : state;
}

function typeOf(provider: Provider, urn: string): ResourceType {
  // urn:pulumi:stack::project::parent$types$type::name
  const token = (urn.split("::")[2] ?? "").split("$").at(-1) ?? "";
  const type = provider.resources[token];
  if (!type) throw new Error(unsupported(provider, token));
  return type;
}

function unsupported(provider: Provider, what: string): string {
  return `${what} is not supported by the sandbox's drop-in for the ${provider.name} plugin; install the official plugin`;
}

function withoutVersion(config: PropertyMap): PropertyMap {
  return Object.fromEntries(Object.entries(config).filter(([name]) => name !== "version"));
}

function checkResponse(inputs: PropertyMap, failures: CheckFailure[]): InstanceType<typeof messages.CheckResponse> {
  const response = new messages.CheckResponse();
  response.setInputs(toStruct(inputs));
  response.setFailuresList(
    failures.map(({ property, reason }) => {
      const failure = new messages.CheckFailure();
      failure.setProperty(property);
      failure.setReason(reason);
      return failure;
    }),
  );
  return response;
}

function diffResponse({ changes, deleteBeforeReplace }: Difference): InstanceType<typeof messages.DiffResponse> {
  const response = new messages.DiffResponse();
  const paths = Object.entries(changes);
  const { DIFF_NONE, DIFF_SOME } = messages.DiffResponse.DiffChanges;
  response.setChanges(paths.length === 0 ? DIFF_NONE : DIFF_SOME);
  response.setDiffsList([...new Set(paths.map(([path]) => topLevel(path)))]);
  response.setReplacesList([...new Set(paths.filter(([, change]) => change.replace).map(([path]) => topLevel(path)))]);
  response.setDeletebeforereplace(deleteBeforeReplace ?? false);
  response.setHasdetaileddiff(true);
  for (const [path, { change, replace }] of paths) {
    const detail = new messages.PropertyDiff();
    detail.setKind(messages.PropertyDiff.Kind[replace ? replaceKinds[change] : updateKinds[change]]);
    response.getDetaileddiffMap().set(path, detail);
  }
  return response;
}

const updateKinds = { add: "ADD", delete: "DELETE", update: "UPDATE" } as const satisfies Record<Change, string>;
const replaceKinds = {
  add: "ADD_REPLACE",
  delete: "DELETE_REPLACE",
  update: "UPDATE_REPLACE",
} as const satisfies Record<Change, string>;
