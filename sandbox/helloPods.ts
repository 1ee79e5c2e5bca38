/** The workload of the sandbox's own cluster: no image registry can be reached there, so nothing else would run in it. */
import { testImage } from "./k3s/images.ts";

/** One pod on every node. Each serves a page with the name of its node on port 8080. */
const hello = `apiVersion: v1
kind: Namespace
# It is not restricted, also in a hardened cluster.
metadata: { name: sandbox, labels: { pod-security.kubernetes.io/enforce: privileged } }
---
apiVersion: apps/v1
kind: DaemonSet
metadata: { name: hello, namespace: sandbox }
spec:
  selector: { matchLabels: { app: hello } }
  template:
    metadata: { labels: { app: hello } }
    spec:
      automountServiceAccountToken: false
      terminationGracePeriodSeconds: 1
      containers:
        - name: hello
          image: ${testImage}
          imagePullPolicy: Never
          env:
            - name: NODE
              valueFrom: { fieldRef: { fieldPath: spec.nodeName } }
          command: [sh, -c, 'mkdir /tmp/www; echo "hello from $NODE" >/tmp/www/index.html; exec httpd -f -p 8080 -h /tmp/www']
          readinessProbe: { httpGet: { path: /, port: 8080 }, periodSeconds: 2 }
`;

/** Manifests that K3s applies by itself, by file name. */
export const helloPods: Readonly<Record<string, string>> = { "sandbox-hello.yaml": hello };
