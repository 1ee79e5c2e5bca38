import { renderHostScript } from "../../host/hostScript.ts";
import { engineScripts } from "../engine/scripts.ts";
import { exchangeSteps, restoreVariables } from "../exchangeRestore.ts";
import { contentOf, type RestoreDriver, type RestoreHost, type RestoreScene } from "../restoreDriver.ts";
import { etcdConfigPath, etcdDataDirectory, etcdDirectory, etcdInitialPath } from "./etcdConfig.ts";
import { etcdScripts } from "./scripts.ts";

/** Bash that asks the member on its own host. */
const ask = `cd ${etcdDirectory} && ETCDCTL_API=3 timeout 20 etcdctl --cacert ca.crt --cert member.crt --key member.key --dial-timeout 3s --command-timeout 5s --endpoints "$(sed -n 's/^ETCD_ADVERTISE_CLIENT_URLS=//p' etcd.env)"`;

/**
 * Restores into an etcd of the stack's own: K3s and all members stop, the first member that lives starts with the backup's data
 * as the only one, and the others join it with empty directories. Their old data are kept.
 */
export const etcdRestore: RestoreDriver = {
  role: "datastore",
  isBuilt: `test -s ${etcdDirectory}/member.key`,
  // Not the members themselves: an etcd whose data are gone is not formed again.
  builtBy: ["datastore-host-*", "datastore-tls-*", "datastore-member-*-on-*"],
  admittedBy: ["datastore-client-*"],
  imports: (hostName, isEmpty) =>
    `${isEmpty ? `No content of the etcd on ${hostName} can be read. If there are data, they are` : "The data of each member of etcd are"} kept beside, in ${etcdDataDirectory}; ${hostName} starts with the backup as the only member, and the others join it.`,
  content: async (host) =>
    contentOf(
      await host.run(`if answer=$(${ask} get '' --prefix --count-only --write-out fields 2>/dev/null); then
  sed -nE 's/^"Count" : ([0-9]+)$/\\1/p' <<<"$answer"
  sed -nE 's/^"Revision" : ([0-9]+)$/\\1/p' <<<"$answer"
fi
`),
    ),
  admitsServers: async (host) =>
    (await host.run("find /etc/k3s-ha/etcd-clients -name 'client-*.nft' -print -quit 2>/dev/null; true\n")).trim() !==
    "",
  steps: (scene) =>
    exchangeSteps(
      scene,
      {
        read: `Read the current content of etcd on ${scene.host.name}`,
        prepare: "Make data of the backup beside the current ones",
        exchange: `Stop every member, and start ${scene.host.name} with the backup`,
        admit:
          scene.others.length === 0
            ? `Verify ${scene.host.name}`
            : `Let ${scene.others.map(({ name }) => name).join(" and ")} join, one after the other`,
      },
      (phase) => runOnMembers(scene, phase),
    ),
};

async function runOnMembers(scene: RestoreScene, phase: string): Promise<string> {
  const { host, others } = scene;
  const printed: string[] = [];
  // Together: as long as one runs, it would take the others for its own.
  if (phase === "swap") printed.push(...(await Promise.all(others.map((other) => runPhase(scene, other, "stop")))));
  const onMember = (member: RestoreHost, action: string) =>
    scene.runAgain(`datastore-member-${member.name}`, member, action);
  // On new hosts, a member has no settings yet.
  if (phase === "room") await Promise.all([host, ...others].map((member) => onMember(member, "put_settings")));
  if (phase === "open") for (const member of [...others, host]) await onMember(member, "apply");
  printed.push(await runPhase(scene, host, phase));
  return printed.join("");
}

function runPhase(scene: RestoreScene, host: RestoreHost, phase: string): Promise<string> {
  return host.apply(
    renderHostScript({
      body: etcdScripts.etcdRestore,
      parts: [etcdScripts.etcdMembers, engineScripts.etcdExchange],
      variables: {
        ...restoreVariables(scene, phase),
        host_name: host.name,
        tls_directory: etcdDirectory,
        config_path: etcdConfigPath,
        initial_path: etcdInitialPath,
        data_directory: etcdDataDirectory,
      },
    }),
  );
}
