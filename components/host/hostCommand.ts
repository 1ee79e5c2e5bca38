import * as pulumi from "@pulumi/pulumi";
import { remote } from "@pulumi/command";
import { beforeChanges } from "./beforeChanges.ts";
import { type FunctionsFile, placeFunctions } from "./functionsFile.ts";
import { connectionTo, type HostArgs } from "./host.ts";

/** Arguments of a {@link HostCommand}. */
export interface HostCommandArgs {
  /** The host that the script runs on, as root. */
  host: HostArgs;
  /**
   * A script of `hostScript.ts` with the functions `apply` and `remove`. It travels on standard input only, so
   * that nothing of it stands in a process list or in an error. Unless it is secret, a preview shows its changed lines.
   */
  script: pulumi.Input<string>;
  /** A file of functions that the script reads: it is put on the host before the script is applied. Default: none. */
  functions?: FunctionsFile;
  /** The script's function that runs on changes, if they take another than creation does. Default: "apply". */
  onChange?: "reapply";
  /** Seconds after which `apply` is ended on the host. Default: the host's `commandSeconds`. */
  applySeconds?: number;
  /** Seconds after which `remove` is ended on the host. Default: 120. */
  removeSeconds?: number;
}

/**
 * The one way in which this program acts on a host. `apply` runs on creation and again on every change, and changes
 * nothing when there is nothing to change; `remove` runs on deletion, from the script that was applied last.
 */
export class HostCommand extends remote.Command {
  constructor(name: string, args: HostCommandArgs, opts?: pulumi.CustomResourceOptions) {
    const options = { additionalSecretOutputs: ["stdout", "stderr"], hooks: beforeChanges() };
    const { functions, host } = args;
    if (functions !== undefined && host.standIn === undefined)
      options.hooks = withLast(options.hooks, placeFunctions(name, host, functions));
    // Pulumi takes a stack trace of each of a command's fifty promises: a quarter of the time of a large stack.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    try {
      super(name, inputsOf(args), pulumi.mergeOptions(opts, options));
    } finally {
      Error.stackTraceLimit = stackTraceLimit;
    }
  }

  /**
   * The one line that `apply` prints on stdout. By the scripts' convention it is the revision of what was applied: a
   * random revision that changes if and only if the host was changed, and that reveals nothing about the content.
   */
  get revision(): pulumi.Output<string> {
    return pulumi.unsecret(this.stdout);
  }
}

function inputsOf(args: HostCommandArgs): remote.CommandArgs {
  const { standIn, user, commandSeconds } = args.host;
  if (standIn !== undefined) {
    // Kept in the state as a command that does nothing anywhere, and that is not even dialled for when it is deleted.
    // Once the host is back, everything about it differs, so it is applied again.
    return {
      connection: connectionTo(standIn),
      create: "true",
      update: "true",
      stdin: "# The host is declared lost.\n",
      logging: remote.Logging.None,
      addPreviousOutputInEnv: false,
    };
  }
  const run = (action: string, seconds: number) =>
    `${user === undefined || user === "root" ? "" : "sudo -n "}timeout --verbose --kill-after=10 ${seconds} bash -s ${action}`;
  const applySeconds = args.applySeconds ?? commandSeconds ?? 600;
  return {
    connection: connectionTo(args.host),
    create: run("apply", applySeconds),
    update: run(args.onChange ?? "apply", applySeconds),
    delete: run("remove", args.removeSeconds ?? 120),
    stdin: args.script,
    // The script prints what went wrong to stderr, and a failing command's error holds that; live lines would only
    // repeat it, and pass through logs that know nothing of secrets.
    logging: remote.Logging.None,
    // Stock sshd refuses the variables that this would send.
    addPreviousOutputInEnv: false,
  };
}

/** Hooks of which one more runs last before each change. */
function withLast(hooks: pulumi.ResourceHookBinding, last: pulumi.ResourceHook): pulumi.ResourceHookBinding {
  const { beforeCreate = [], beforeUpdate = [] } = hooks;
  return { ...hooks, beforeCreate: [...beforeCreate, last], beforeUpdate: [...beforeUpdate, last] };
}
