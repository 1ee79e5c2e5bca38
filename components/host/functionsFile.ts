import { createHash } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import { renderHostScript } from "./hostScript.ts";
import type { HostArgs } from "./host.ts";
import { hostScripts } from "./scripts.ts";

/** A file of shell functions that lies on hosts, for scripts that are too many to carry them all. */
export class FunctionsFile {
  /** Absolute path on the hosts. */
  readonly path: string;
  readonly text: string;
  /** sha256 of the text, in hex. */
  readonly sha256: string;

  constructor(path: string, text: string) {
    this.path = path;
    this.text = text;
    this.sha256 = createHash("sha256").update(text).digest("hex");
  }
}

/** Seconds that a host may take to have the file: waiting for another run's lock (300). */
const placeSeconds = 330;

interface Placement {
  readonly host: HostArgs;
  readonly file: FunctionsFile;
}

/** By the engine that a program talks to, one in each run: the hook, and what it puts where, by resource. */
const placementsOf = new WeakMap<object, { hook: pulumi.ResourceHook; byResource: Map<string, Placement> }>();

/** The hook that puts a file on a host over a connection of the program's own, before the resource of that name changes. */
export function placeFunctions(resource: string, host: HostArgs, file: FunctionsFile): pulumi.ResourceHook {
  const run = pulumi.runtime.getMonitor() ?? placementsOf;
  let placements = placementsOf.get(run);
  if (placements === undefined) {
    const byResource = new Map<string, Placement>();
    const hook = new pulumi.ResourceHook("functions", async ({ name }) => {
      const placement = byResource.get(name);
      if (placement !== undefined) await place(name, placement);
    });
    placements = { hook, byResource };
    placementsOf.set(run, placements);
  }
  placements.byResource.set(resource, { host, file });
  return placements.hook;
}

async function place(resource: string, { host, file }: Placement): Promise<void> {
  // A preview, and a run without changes, need no SSH.
  const [{ loginOf }, { runOnHost }] = await Promise.all([import("./hostLogin.ts"), import("./hostShell.ts")]);
  const login = await loginOf(resource, resource, host);
  const script = renderHostScript({
    body: hostScripts.putFiles,
    variables: { host_name: resource },
    files: [{ path: file.path, content: file.text, mode: "0700" }],
  });
  const { connectSeconds } = host;
  const { exitCode, stderr } = await runOnHost(login, script, {
    seconds: placeSeconds,
    ...(connectSeconds === undefined ? {} : { connectSeconds }),
  });
  if (exitCode !== 0) throw new Error(`${file.path} could not be put on the host of ${resource}: ${stderr.trim()}`);
}
