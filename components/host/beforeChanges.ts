import * as pulumi from "@pulumi/pulumi";

/** By the engine that a program talks to, one in each run: what has to succeed before any host is changed. */
const hooksOf = new WeakMap<object, pulumi.ResourceHook[]>();

/** By the engine as well: what tells why something that acts on a host failed. */
const explanationsOf = new WeakMap<object, pulumi.ErrorHook>();

/** Has every resource of this run that is made after this call, and that acts on hosts, wait for a hook. */
export function holdChanges(hook: pulumi.ResourceHook): void {
  hooksOf.set(run(), [...(hooksOf.get(run()) ?? []), hook]);
}

/** Has a failure of every resource of this run that is made after this call, and that acts on hosts, explained by a hook. */
export function explainFailures(hook: pulumi.ErrorHook): void {
  explanationsOf.set(run(), hook);
}

/** The hooks of whatever acts on a host or on the datastore: before it is made or changed, the hosts are checked. */
export function beforeChanges(): pulumi.ResourceHookBinding {
  const hooks = hooksOf.get(run());
  const explanation = explanationsOf.get(run());
  return {
    ...(hooks === undefined ? {} : { beforeCreate: [...hooks], beforeUpdate: [...hooks] }),
    ...(explanation === undefined ? {} : { onError: [explanation] }),
  };
}

function run(): object {
  return pulumi.runtime.getMonitor() ?? hooksOf;
}
