/**
 * What a K3s host of the sandbox has because it shares this machine's kernel with others, and because no image registry
 * can be reached. It is put on the host as its owner would have put it there, and put back when K3s was uninstalled:
 * programs that manage the host need to know nothing about it.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { placeCopy, placeFile, placeLink, type HostDisk } from "./hostDisk.ts";

/** What a K3s host gets from a K3s build. */
export interface K3sPreload {
  /** Image archives. Their copies go to `/var/lib/rancher/k3s/agent/images/`. */
  readonly imagesDirectory: string;
  /** Manifests by file name, which a server applies by itself. */
  readonly manifests?: Readonly<Record<string, string>>;
}

/**
 * The last of K3s's configuration files (they are read in the order of their names). A `+` adds to what the others say
 * instead of replacing it, so users can set the same keys.
 */
const configuration = `# Settings that this host needs besides its other K3s settings.
kubelet-arg+:
  # The machine may have only the old control groups, and a host is itself in one.
  - fail-cgroupv1=false
  - cgroups-per-qos=false
  - enforce-node-allocatable=
kube-proxy-arg+:
  # The limit is the machine's, not the host's.
  - conntrack-max-per-core=0
# An overlay cannot lie on the host's own overlay.
snapshotter: native
`;

/** A key that agents do not know. */
const serverConfiguration = `# Their images come from a registry, and this host reaches none.
disable+:
  - coredns
  - servicelb
  - traefik
  - local-storage
  - metrics-server
`;

/** Where the originals are on the host. */
const store = "/usr/lib/sandbox-host/k3s";
const placeScript = "/usr/lib/sandbox-host/place-k3s-settings";

/** Without an invocation id containerd manages control groups itself, instead of asking systemd for units. */
const unitDropIn = `[Service]
UnsetEnvironment=INVOCATION_ID
ExecStartPre=${placeScript}
`;

const placeUnit = `[Unit]
Description=Place the settings that K3s needs on this host
[Service]
Type=oneshot
ExecStart=${placeScript}
`;

const oomPath = "/var/lib/rancher/k3s/agent/etc/containerd/oom.toml";

/** The machine may lack the right to lower a process's OOM score. */
const oomConfiguration = `[plugins.'io.containerd.cri.v1.runtime']
  restrict_oom_score_adj = true
`;

const containerdTemplate = `imports = ["${oomPath}"]
{{ template "base" . }}
`;

/** Puts all of that on the disk of a server or an agent. */
export async function placeK3sSettings(disk: HostDisk, role: "server" | "agent", preload?: K3sPreload): Promise<void> {
  const settings = "/etc/rancher/k3s/config.yaml.d";
  await placeFile(disk, `${store}${settings}/zz-sandbox.yaml`, configuration, 0o600);
  if (role === "server") {
    await placeFile(disk, `${store}${settings}/zz-sandbox-server.yaml`, serverConfiguration, 0o600);
    for (const [name, manifest] of Object.entries(preload?.manifests ?? {})) {
      await placeFile(disk, `${store}/var/lib/rancher/k3s/server/manifests/${name}`, manifest, 0o600);
    }
  }
  await placeFile(disk, `${store}${oomPath}`, oomConfiguration);
  await placeFile(disk, `${store}/var/lib/rancher/k3s/agent/etc/containerd/config-v3.toml.tmpl`, containerdTemplate);
  if (preload) await placeCopy(disk, `${store}/var/lib/rancher/k3s/agent/images`, preload.imagesDirectory);

  const script = await readFile(join(import.meta.dirname, "image", "place-k3s-settings.sh"), "utf8");
  await placeFile(disk, placeScript, script, 0o755);
  const units = "/etc/systemd/system";
  await placeFile(disk, `${units}/sandbox-k3s-settings.service`, placeUnit);
  await placeLink(
    disk,
    `${units}/multi-user.target.wants/sandbox-k3s-settings.service`,
    "../sandbox-k3s-settings.service",
  );
  for (const unit of ["k3s", "k3s-agent"]) {
    await placeFile(disk, `${units}/${unit}.service.d/sandbox.conf`, unitDropIn);
  }
}
