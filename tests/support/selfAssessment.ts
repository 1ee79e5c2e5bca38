/** K3s's self-assessment of the CIS benchmark, as far as a script can do it: one line of shell for each item, which succeeds if it passes. */

/** An item of the checklist. */
export interface Assessment {
  /** Its number in the benchmark, and what it asks for. */
  readonly item: string;
  readonly on: "server" | "node";
  readonly check: string;
}

/** An argument that K3s started a program with has, or does not have, a form. */
const argument = (program: string, pattern: string) => `started ${program} | grep -qE -- '${pattern}'`;
const noArgument = (program: string, pattern: string) => `! ${argument(program, pattern)}`;
const api = (item: string, pattern: string): Assessment => ({
  item,
  on: "server",
  check: argument("kube-apiserver", pattern),
});
const kubelet = (item: string, pattern: string): Assessment => ({
  item,
  on: "node",
  check: argument("kubelet", pattern),
});
/** A file is root's, and others can do no more with it than this. */
const file = (item: string, path: string, mode: string, on: Assessment["on"] = "server"): Assessment => ({
  item,
  on,
  check: `for each in ${path}; do [[ $(stat -c %U:%G "$each") == root:root ]] && (((0$(stat -c %a "$each") & ~0${mode}) == 0)) || exit 1; done`,
});

const server = "/var/lib/rancher/k3s/server";
const agent = "/var/lib/rancher/k3s/agent";

/** What the checks use: the line with which K3s tells how it starts a program. */
export const assessmentFunctions = `started() { journalctl --output cat --unit k3s --unit k3s-agent | grep -E "Running $1 " | tail -n 1 | tr ' ' '\\n' | tr -d '"'; }
`;

export const selfAssessment: readonly Assessment[] = [
  file("1.1.13 admin.kubeconfig is 600", `${server}/cred/admin.kubeconfig`, "600"),
  file("1.1.15 scheduler.kubeconfig is 600", `${server}/cred/scheduler.kubeconfig`, "600"),
  file("1.1.17 controller.kubeconfig is 600", `${server}/cred/controller.kubeconfig`, "600"),
  file("1.1.19 the directory of certificates belongs to root", `${server}/tls`, "755"),
  file("1.1.21 keys are 600", `$(find ${server}/tls -name '*.key')`, "600"),
  api("1.2.1 --anonymous-auth is false", "^--anonymous-auth=false$"),
  {
    item: "1.2.2 --token-auth-file is not set",
    on: "server",
    check: noArgument("kube-apiserver", "^--token-auth-file"),
  },
  api("1.2.4 --kubelet-client-certificate is set", "^--kubelet-client-certificate=."),
  api("1.2.4 --kubelet-client-key is set", "^--kubelet-client-key=."),
  api("1.2.5 --kubelet-certificate-authority is set", "^--kubelet-certificate-authority=."),
  {
    item: "1.2.6 --authorization-mode is not AlwaysAllow",
    on: "server",
    check: noArgument("kube-apiserver", "^--authorization-mode=.*AlwaysAllow"),
  },
  api("1.2.7 --authorization-mode includes Node", "^--authorization-mode=(.*,)?Node(,|$)"),
  api("1.2.8 --authorization-mode includes RBAC", "^--authorization-mode=(.*,)?RBAC(,|$)"),
  api("1.2.9 EventRateLimit is enabled", "^--enable-admission-plugins=(.*,)?EventRateLimit(,|$)"),
  {
    item: "1.2.10 AlwaysAdmit is not enabled",
    on: "server",
    check: noArgument("kube-apiserver", "^--enable-admission-plugins=.*AlwaysAdmit"),
  },
  {
    item: "1.2.12 ServiceAccount is not disabled",
    on: "server",
    check: noArgument("kube-apiserver", "^--disable-admission-plugins=.*ServiceAccount"),
  },
  {
    item: "1.2.13 NamespaceLifecycle is not disabled",
    on: "server",
    check: noArgument("kube-apiserver", "^--disable-admission-plugins=.*NamespaceLifecycle"),
  },
  api("1.2.14 NodeRestriction is enabled", "^--enable-admission-plugins=(.*,)?NodeRestriction(,|$)"),
  api("1.2.15 --profiling is false", "^--profiling=false$"),
  api("1.2.16 --audit-log-path is set", `^--audit-log-path=${server}/logs/audit.log$`),
  {
    item: "1.2.16 the audit log is written, for root alone",
    on: "server",
    check: `[[ -s ${server}/logs/audit.log && $(stat -c %a ${server}/logs/audit.log) == 600 ]]`,
  },
  api("1.2.17 --audit-log-maxage is 30", "^--audit-log-maxage=30$"),
  api("1.2.18 --audit-log-maxbackup is 10", "^--audit-log-maxbackup=10$"),
  api("1.2.19 --audit-log-maxsize is 100", "^--audit-log-maxsize=100$"),
  {
    item: "1.2.21 --service-account-lookup is not false",
    on: "server",
    check: noArgument("kube-apiserver", "^--service-account-lookup=false"),
  },
  api("1.2.22 --service-account-key-file is set", "^--service-account-key-file=."),
  api("1.2.24 --tls-cert-file is set", "^--tls-cert-file=."),
  api("1.2.24 --tls-private-key-file is set", "^--tls-private-key-file=."),
  api("1.2.25 --client-ca-file is set", "^--client-ca-file=."),
  api("1.2.27 --encryption-provider-config is set", "^--encryption-provider-config=."),
  {
    item: "1.2.28 secrets are encrypted",
    on: "server",
    check: "k3s secrets-encrypt status | grep -q '^Encryption Status: Enabled'",
  },
  api("1.2.29 --tls-cipher-suites is set", "^--tls-cipher-suites=."),
  api("1.2.30 --service-account-extend-token-expiration is false", "^--service-account-extend-token-expiration=false$"),
  {
    item: "1.3.1 --terminated-pod-gc-threshold is set",
    on: "server",
    check: argument("kube-controller-manager", "^--terminated-pod-gc-threshold=[1-9]"),
  },
  {
    item: "1.3.2 --profiling is false",
    on: "server",
    check: argument("kube-controller-manager", "^--profiling=false$"),
  },
  {
    item: "1.3.3 --use-service-account-credentials is true",
    on: "server",
    check: argument("kube-controller-manager", "^--use-service-account-credentials=true$"),
  },
  {
    item: "1.3.4 --service-account-private-key-file is set",
    on: "server",
    check: argument("kube-controller-manager", "^--service-account-private-key-file=."),
  },
  {
    item: "1.3.5 --root-ca-file is set",
    on: "server",
    check: argument("kube-controller-manager", "^--root-ca-file=."),
  },
  {
    item: "1.3.7 --bind-address is 127.0.0.1",
    on: "server",
    check: argument("kube-controller-manager", "^--bind-address=127\\.0\\.0\\.1$"),
  },
  { item: "1.4.1 --profiling is false", on: "server", check: argument("kube-scheduler", "^--profiling=false$") },
  {
    item: "1.4.2 --bind-address is 127.0.0.1",
    on: "server",
    check: argument("kube-scheduler", "^--bind-address=127\\.0\\.0\\.1$"),
  },
  { item: "3.2.1 there is an audit policy", on: "server", check: `grep -q '^kind: Policy' ${server}/audit.yaml` },
  file("4.1.3 kubeproxy.kubeconfig is 600", `${agent}/kubeproxy.kubeconfig`, "600", "node"),
  file("4.1.5 kubelet.kubeconfig is 600", `${agent}/kubelet.kubeconfig`, "600", "node"),
  file("4.1.7 the client CA is 644", `${agent}/client-ca.crt`, "644", "node"),
  kubelet("4.2.1 --anonymous-auth is false", "^--anonymous-auth=false$|^--config"),
  kubelet("4.2.5 --streaming-connection-idle-timeout is 5m", "^--streaming-connection-idle-timeout=5m$"),
  kubelet("4.2.6 --protect-kernel-defaults is true", "^--protect-kernel-defaults=true$|^--config"),
  {
    item: "4.2.6 the kernel has the settings that the kubelet protects",
    on: "node",
    check: `[[ $(cd /proc/sys && cat vm/panic_on_oom vm/overcommit_memory kernel/panic kernel/panic_on_oops kernel/keys/root_maxkeys kernel/keys/root_maxbytes | tr '\\n' ' ') == "0 1 10 1 1000000 25000000 " ]]`,
  },
  kubelet("4.2.12 --tls-cipher-suites is set", "^--tls-cipher-suites=."),
  {
    item: "5.2.1 Pod Security is restricted by default",
    on: "server",
    check: `grep -q 'enforce: restricted' ${server}/psa.yaml`,
  },
];
