// Proves which settings and files hardened nodes get, and what the settings of a user change of them.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parse } from "yaml";
import { hardeningFiles, withHardening } from "../../components/k3s/hardening.ts";

describe("hardened nodes", () => {
  it("have the kernel settings that the kubelet protects", () => {
    const [settings] = hardeningFiles;
    assert.equal(settings?.path, "/etc/sysctl.d/90-kubelet.conf");
    assert.equal(settings.role, undefined);
    assert.equal(
      settings.content,
      `# Written by k3s-ha; changes made here are overwritten.
vm.panic_on_oom=0
vm.overcommit_memory=1
kernel.panic=10
kernel.panic_on_oops=1
kernel.keys.root_maxkeys=1000000
kernel.keys.root_maxbytes=25000000
`,
    );
  });

  it("exempt K3s's own pods, and nothing else, from the restricted profile", () => {
    const admission = hardeningFiles.find(({ path }) => path.endsWith("/psa.yaml"));
    const { plugins } = parse(admission?.content as string) as {
      plugins: { name: string; configuration: Record<string, unknown> }[];
    };
    assert.deepEqual(
      plugins.map(({ name }) => name),
      ["PodSecurity", "EventRateLimit"],
    );
    assert.deepEqual(plugins[0]?.configuration["exemptions"], {
      usernames: [],
      runtimeClasses: [],
      namespaces: ["kube-system", "cis-operator-system", "system-upgrade"],
    });
  });

  it("have every file that their arguments name", () => {
    const named = [withHardening("server", {})["kube-apiserver-arg"]]
      .flat()
      .flatMap((argument) => /(?:file)=(.*)$/.exec(String(argument))?.[1] ?? []);
    const paths = hardeningFiles.filter(({ role }) => role === "server").map(({ path }) => path);
    assert.deepEqual(named, paths);
  });

  it("take arguments of the settings in the place of their own, and settings beside them", () => {
    const config = withHardening("server", {
      disable: ["traefik"],
      "kube-apiserver-arg": ["audit-log-maxage=90", "v=2"],
      "kubelet-arg": "max-pods=50",
    });
    assert.equal(config["protect-kernel-defaults"], true);
    assert.deepEqual(config["disable"], ["traefik"]);
    const api = config["kube-apiserver-arg"] as string[];
    assert.deepEqual(
      api.filter((argument) => argument.startsWith("audit-log-maxage")),
      ["audit-log-maxage=90"],
    );
    assert.ok(api.includes("v=2") && api.includes("audit-log-maxbackup=10"));
    assert.ok((config["kubelet-arg"] as string[]).includes("max-pods=50"));
    assert.deepEqual(Object.keys(withHardening("agent", {})), ["protect-kernel-defaults", "kubelet-arg"]);
  });
});
