import type { NodeFile } from "./nodeFiles.ts";
import type { K3sRole } from "./k3sUnit.ts";
import { writtenBy } from "../host/writtenBy.ts";

/*
 * What K3s's CIS hardening guide asks for, beside what K3s and this program do anyway (secrets encryption, modes of files).
 */

const serverDirectory = "/var/lib/rancher/k3s/server";
const admissionPath = `${serverDirectory}/psa.yaml`;
const auditPolicyPath = `${serverDirectory}/audit.yaml`;

/** Kernel settings that the kubelet wants to find, because it may not set them itself. */
const kernelSettings = {
  "vm.panic_on_oom": 0,
  "vm.overcommit_memory": 1,
  "kernel.panic": 10,
  "kernel.panic_on_oops": 1,
  "kernel.keys.root_maxkeys": 1_000_000,
  "kernel.keys.root_maxbytes": 25_000_000,
};

/** Namespaces whose pods need more than the restricted profile of Pod Security: those of K3s's own, and of its operators. */
const exemptNamespaces = ["kube-system", "cis-operator-system", "system-upgrade"];

const admission = `apiVersion: apiserver.config.k8s.io/v1
kind: AdmissionConfiguration
plugins:
  - name: PodSecurity
    configuration:
      apiVersion: pod-security.admission.config.k8s.io/v1
      kind: PodSecurityConfiguration
      defaults:
        enforce: restricted
        enforce-version: latest
        audit: restricted
        audit-version: latest
        warn: restricted
        warn-version: latest
      exemptions:
        usernames: []
        runtimeClasses: []
        namespaces: [${exemptNamespaces.join(", ")}]
  - name: EventRateLimit
    configuration:
      apiVersion: eventratelimit.admission.k8s.io/v1alpha1
      kind: Configuration
      limits:
        - type: Server
          qps: 5000
          burst: 20000
`;

const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
rules:
  - level: Metadata
`;

const headed = (content: string) => `# ${writtenBy}\n${content}`;

/** The files of hardened nodes. */
export const hardeningFiles: readonly NodeFile[] = [
  {
    path: "/etc/sysctl.d/90-kubelet.conf",
    content: headed(
      Object.entries(kernelSettings)
        .map(([name, value]) => `${name}=${value}\n`)
        .join(""),
    ),
    mode: "0644",
  },
  { path: admissionPath, content: headed(admission), role: "server" },
  { path: auditPolicyPath, content: headed(auditPolicy), role: "server" },
];

const ciphers = [
  "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
  "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
  "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305",
  "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
  "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305",
  "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
].join(",");

/** Arguments of Kubernetes's programs, by the setting of K3s that has them. */
const argumentsOf: Readonly<Record<K3sRole, Readonly<Record<string, readonly string[]>>>> = {
  server: {
    "kube-apiserver-arg": [
      "enable-admission-plugins=NodeRestriction,EventRateLimit",
      `admission-control-config-file=${admissionPath}`,
      `audit-log-path=${serverDirectory}/logs/audit.log`,
      `audit-policy-file=${auditPolicyPath}`,
      "audit-log-maxage=30",
      "audit-log-maxbackup=10",
      "audit-log-maxsize=100",
      "service-account-extend-token-expiration=false",
    ],
    "kube-controller-manager-arg": ["terminated-pod-gc-threshold=100"],
    "kubelet-arg": ["streaming-connection-idle-timeout=5m", `tls-cipher-suites=${ciphers}`],
  },
  agent: { "kubelet-arg": ["streaming-connection-idle-timeout=5m", `tls-cipher-suites=${ciphers}`] },
};

/** The settings of a role with those of hardened nodes. An argument in the settings replaces that of the same name. */
export function withHardening(role: K3sRole, config: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const merged = Object.entries(argumentsOf[role]).map(([key, hardened]) => {
    const own = [config[key] ?? []].flat().map(String);
    const isReplaced = (argument: string) => own.some((other) => nameOf(other) === nameOf(argument));
    return [key, [...hardened.filter((argument) => !isReplaced(argument)), ...own]] as const;
  });
  return { "protect-kernel-defaults": true, ...config, ...Object.fromEntries(merged) };
}

function nameOf(argument: string): string {
  return argument.split("=")[0]?.replace(/^-+/, "") ?? "";
}
