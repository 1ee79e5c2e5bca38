/** The inputs of the command resources and of the functions beside them. */
import type { ObjectShape } from "./shape.ts";

const endpoint = {
  user: "string",
  password: { secret: "string" },
  port: "number",
  privateKey: { secret: "string" },
  privateKeyPassword: { secret: "string" },
  agentSocketPath: "string",
  dialErrorLimit: "number",
  perDialTimeout: "number",
  hostKey: "string",
} as const;

const texts = { create: "string", update: "string", delete: "string" } as const;

const proxyShape: ObjectShape = {
  type: "remote.ProxyConnection",
  required: { host: "string" },
  optional: endpoint,
};

const connectionShape: ObjectShape = {
  type: "remote.Connection",
  required: { host: "string" },
  optional: { ...endpoint, proxy: proxyShape },
};

/** `command:remote:Command`. */
export const remoteCommandShape: ObjectShape = {
  type: "remote.CommandInputs",
  required: { connection: { secret: connectionShape } },
  optional: {
    ...texts,
    stdin: "string",
    environment: { map: "string" },
    addPreviousOutputInEnv: "boolean",
    logging: "string",
    triggers: { list: "any" },
  },
};

const localOptions = {
  interpreter: { list: "string" },
  dir: "string",
  stdin: "string",
  environment: { map: "string" },
  addPreviousOutputInEnv: "boolean",
  logging: "string",
  assetPaths: { list: "string" },
  archivePaths: { list: "string" },
} as const;

/** `command:local:Command`. */
export const localCommandShape: ObjectShape = {
  type: "local.CommandInputs",
  optional: { ...texts, ...localOptions, triggers: { list: "any" } },
};

/** `command:local:run`. */
export const localRunShape: ObjectShape = {
  type: "local.RunInputs",
  required: { command: "string" },
  optional: localOptions,
};
