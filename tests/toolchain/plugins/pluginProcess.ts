/**
 * Drives one drop-in plugin as the engine does: starts the real process against an engine that only collects log
 * lines, and calls it over gRPC. Values go in and come out decoded.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { credentials, type ServiceError } from "@grpc/grpc-js";
import emptyMessages from "google-protobuf/google/protobuf/empty_pb.js";
import grpc from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import pluginMessages from "@pulumi/pulumi/proto/plugin_pb.js";
import messages from "@pulumi/pulumi/proto/provider_pb.js";
import { fromStruct, toStruct, type PropertyMap } from "../../../toolchain/plugins/provider/value.ts";
import { CollectingEngine, type LogLine } from "./collectingEngine.ts";

/** What Diff says. */
export interface Changes {
  some: boolean;
  diffs: string[];
  replaces: string[];
  /** Kind by property path, e.g. `UPDATE_REPLACE`. */
  detailed: Record<string, string>;
}

/** What Check says. */
export interface Checked {
  inputs: PropertyMap;
  failures: { property: string; reason: string }[];
}

type Call = (request: unknown, done: (error: ServiceError | null, response: unknown) => void) => unknown;
const limits = { "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 };

/** A running plugin. */
export class PluginProcess {
  readonly process: ChildProcess;
  readonly engine: CollectingEngine;
  /** Milliseconds from start to the port line. */
  readonly startupTime: number;
  readonly #client: InstanceType<typeof grpc.ResourceProviderClient>;

  private constructor(process: ChildProcess, engine: CollectingEngine, port: string, startupTime: number) {
    this.process = process;
    this.engine = engine;
    this.startupTime = startupTime;
    this.#client = new grpc.ResourceProviderClient(`127.0.0.1:${port}`, credentials.createInsecure(), limits);
  }

  /** Starts `toolchain/plugins/<name>/provider.ts`. `env` is added to this process's environment. */
  static async start(name: string, env: Record<string, string> = {}): Promise<PluginProcess> {
    const engine = await CollectingEngine.start();
    const begin = performance.now();
    const child = spawn(process.execPath, [PluginProcess.program(name), engine.address], {
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [port] = (await once(createInterface(child.stdout), "line")) as [string];
    return new PluginProcess(child, engine, port, performance.now() - begin);
  }

  /** The file that the engine starts. */
  static program(name: string): string {
    return fileURLToPath(new URL(`../../../toolchain/plugins/${name}/provider.ts`, import.meta.url));
  }

  /** The URN of a resource of a type. */
  static urn(type: string, name = "it"): string {
    return `urn:pulumi:test::plugins::${type}::${name}`;
  }

  /** The lines that the plugin has sent for the user. */
  get logs(): LogLine[] {
    return this.engine.logs;
  }

  /** Ends the engine, waits for the plugin to notice, and says how long that took, in milliseconds. */
  async stop(): Promise<number> {
    const begin = performance.now();
    this.#client.close();
    const exited = this.process.exitCode === null ? once(this.process, "exit") : Promise.resolve();
    this.engine.stop();
    await exited;
    return performance.now() - begin;
  }

  async version(): Promise<string> {
    const info = await this.#call("getPluginInfo", new emptyMessages.Empty());
    return (info as InstanceType<typeof pluginMessages.PluginInfo>).getVersion();
  }

  async schema(): Promise<string> {
    const response = await this.#call("getSchema", new messages.GetSchemaRequest());
    return (response as InstanceType<typeof messages.GetSchemaResponse>).getSchema();
  }

  async configure(args: PropertyMap = {}): Promise<void> {
    const request = new messages.ConfigureRequest();
    request.setArgs(toStruct(args));
    request.setAcceptsecrets(true);
    await this.#call("configure", request);
  }

  async checkConfig(news: PropertyMap): Promise<Checked> {
    const request = new messages.CheckRequest();
    request.setUrn("urn:pulumi:test::plugins::pulumi:providers:it::it");
    request.setNews(toStruct(news));
    return checkedIn(await this.#call("checkConfig", request));
  }

  async check(type: string, news: PropertyMap, olds: PropertyMap = {}, name = "it"): Promise<Checked> {
    const request = new messages.CheckRequest();
    request.setUrn(PluginProcess.urn(type, name));
    request.setOlds(toStruct(olds));
    request.setNews(toStruct(news));
    return checkedIn(await this.#call("check", request));
  }

  async diff(type: string, oldInputs: PropertyMap, state: PropertyMap, news: PropertyMap, id = "id"): Promise<Changes> {
    const request = new messages.DiffRequest();
    request.setUrn(PluginProcess.urn(type));
    request.setId(id);
    request.setOldInputs(toStruct(oldInputs));
    request.setOlds(toStruct(state));
    request.setNews(toStruct(news));
    const response = (await this.#call("diff", request)) as InstanceType<typeof messages.DiffResponse>;
    const kinds = Object.entries(messages.PropertyDiff.Kind);
    const detailed: Record<string, string> = {};
    response.getDetaileddiffMap().forEach((detail, path) => {
      detailed[path] = kinds.find(([, value]) => value === detail.getKind())?.[0] ?? "?";
    });
    return {
      some: response.getChanges() === messages.DiffResponse.DiffChanges.DIFF_SOME,
      diffs: response.getDiffsList(),
      replaces: response.getReplacesList(),
      detailed,
    };
  }

  async create(
    type: string,
    inputs: PropertyMap,
    preview = false,
    name = "it",
  ): Promise<{ id: string; state: PropertyMap }> {
    const request = new messages.CreateRequest();
    request.setUrn(PluginProcess.urn(type, name));
    request.setProperties(toStruct(inputs));
    request.setPreview(preview);
    const response = (await this.#call("create", request)) as InstanceType<typeof messages.CreateResponse>;
    return { id: response.getId(), state: fromStruct(response.getProperties()) };
  }

  async update(type: string, id: string, state: PropertyMap, news: PropertyMap, preview = false): Promise<PropertyMap> {
    const request = new messages.UpdateRequest();
    request.setUrn(PluginProcess.urn(type));
    request.setId(id);
    request.setOlds(toStruct(state));
    request.setNews(toStruct(news));
    request.setPreview(preview);
    const response = (await this.#call("update", request)) as InstanceType<typeof messages.UpdateResponse>;
    return fromStruct(response.getProperties());
  }

  async read(
    type: string,
    id: string,
    inputs: PropertyMap,
    state: PropertyMap,
  ): Promise<{ id: string; state: PropertyMap }> {
    const request = new messages.ReadRequest();
    request.setUrn(PluginProcess.urn(type));
    request.setId(id);
    request.setInputs(toStruct(inputs));
    request.setProperties(toStruct(state));
    const response = (await this.#call("read", request)) as InstanceType<typeof messages.ReadResponse>;
    return { id: response.getId(), state: fromStruct(response.getProperties()) };
  }

  async delete(type: string, id: string, state: PropertyMap): Promise<void> {
    const request = new messages.DeleteRequest();
    request.setUrn(PluginProcess.urn(type));
    request.setId(id);
    request.setProperties(toStruct(state));
    await this.#call("delete", request);
  }

  async invoke(token: string, args: PropertyMap): Promise<PropertyMap> {
    const request = new messages.InvokeRequest();
    request.setTok(token);
    request.setArgs(toStruct(args));
    const response = (await this.#call("invoke", request)) as InstanceType<typeof messages.InvokeResponse>;
    return fromStruct(response.getReturn());
  }

  async cancel(): Promise<void> {
    await this.#call("cancel", new emptyMessages.Empty());
  }

  /** Calls a method; a failure is an Error with exactly the text that the engine would show. */
  #call(method: string, request: unknown): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const call = (this.#client as unknown as Record<string, Call>)[method] as Call;
      call.call(this.#client, request, (error, response) => {
        if (error) reject(new Error(error.details));
        else resolve(response);
      });
    });
  }
}

function checkedIn(answer: unknown): Checked {
  const response = answer as InstanceType<typeof messages.CheckResponse>;
  return {
    inputs: fromStruct(response.getInputs()),
    failures: response.getFailuresList().map((one) => ({ property: one.getProperty(), reason: one.getReason() })),
  };
}
