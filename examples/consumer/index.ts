/** Takes a cluster through a stack reference, and runs a Deployment in it. */
import * as pulumi from "@pulumi/pulumi";
import { ClusterReference } from "../../components/contract/clusterReference.ts";
import { KubernetesManifest } from "./kubernetesManifest.ts";

const config = new pulumi.Config();
const cluster = new ClusterReference("cluster", { stack: config.require("cluster") });

const labels = { app: "hello" };
const hello = new KubernetesManifest("hello", {
  kubeconfig: cluster.kubeconfig,
  objects: [
    { apiVersion: "v1", kind: "Namespace", metadata: { name: "hello" } },
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "hello", namespace: "hello" },
      spec: {
        replicas: config.requireNumber("replicas"),
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: {
            terminationGracePeriodSeconds: 1,
            containers: [
              {
                name: "hello",
                image: config.require("image"),
                imagePullPolicy: "IfNotPresent",
                command: ["sh", "-c", 'trap "exit 0" TERM; echo hello from $HOSTNAME; while :; do sleep 1; done'],
              },
            ],
          },
        },
      },
    },
  ],
  ready: { kind: "deployment", namespace: "hello", name: "hello" },
});

export const apiEndpoint = cluster.apiEndpoint;
export const k3sVersion = cluster.k3sVersion;
/** What kubectl said of the Deployment once all its pods ran. */
export const status = hello.status;
