import * as pulumi from "@pulumi/pulumi";
import { local } from "@pulumi/command";

/** Objects that are kept in a cluster. */
export interface KubernetesManifestArgs {
  /** kubeconfig of someone who may do it. Secret; it travels on standard input alone. */
  kubeconfig: pulumi.Input<string>;
  /** The objects, in the order in which they are applied. */
  objects: readonly Readonly<Record<string, unknown>>[];
  /** What has to have rolled out before this counts as done. */
  ready: { kind: "deployment" | "daemonset" | "statefulset"; namespace: string; name: string };
}

/** Applies objects with kubectl, waits until they are rolled out, and deletes them when it is deleted. */
export class KubernetesManifest extends pulumi.ComponentResource {
  /** The last word of `kubectl rollout status`. */
  readonly status: pulumi.Output<string>;

  constructor(name: string, args: KubernetesManifestArgs, opts?: pulumi.ComponentResourceOptions) {
    super("consumer:index:KubernetesManifest", name, {}, opts);
    const { kind, namespace, name: object } = args.ready;
    const run = (action: string) => `bash kubectl.sh ${action}`;
    const applied = new local.Command(
      `${name}-objects`,
      {
        create: run("apply"),
        update: run("apply"),
        delete: run("delete"),
        dir: import.meta.dirname,
        stdin: pulumi.secret(args.kubeconfig),
        // Not secret: a preview shows what changes.
        environment: {
          MANIFEST: JSON.stringify({ apiVersion: "v1", kind: "List", items: args.objects }, undefined, 2),
          READY: `${kind}/${object}`,
          READY_NAMESPACE: namespace,
        },
        logging: local.Logging.None,
        addPreviousOutputInEnv: false,
      },
      { parent: this },
    );
    this.status = applied.stdout;
    this.registerOutputs({ status: this.status });
  }
}
