import { renderHostScript } from "../../host/hostScript.ts";
import { engineScripts } from "../engine/scripts.ts";
import { exchangeSteps, restoreVariables } from "../exchangeRestore.ts";
import { contentOf, type RestoreDriver, type RestoreHost, type RestoreScene } from "../restoreDriver.ts";
import { embeddedEtcdTls, etcdAddressPath, etcdInitMark } from "./etcdDatastore.ts";
import { embeddedScripts } from "./scripts.ts";

/** Bash that asks K3s's own etcd on a server. */
const ask = `ETCDCTL_API=3 timeout 20 etcdctl --cacert ${embeddedEtcdTls}/server-ca.crt --cert ${embeddedEtcdTls}/client.crt --key ${embeddedEtcdTls}/client.key --dial-timeout 3s --command-timeout 5s --endpoints https://127.0.0.1:2379`;

/**
 * Restores into K3s's own etcd: the first server that lives gets the backup as its data, and starts as the only member; the others
 * join it with empty directories. Their old data are kept.
 */
export const etcdServerRestore: RestoreDriver = {
  role: "server",
  isBuilt: "command -v etcdutl",
  // Not the servers themselves: an etcd whose data are gone is not begun again.
  builtBy: ["datastore-begin"],
  admittedBy: ["datastore-begin"],
  imports: (hostName, isEmpty) =>
    `${isEmpty ? `No content of etcd on ${hostName} can be read. If there are data, they are` : "The data of etcd on each server are"} kept beside; ${hostName} starts with the backup as the only member, and the other servers join it.`,
  content: async (host) =>
    contentOf(
      await host.run(`if answer=$(${ask} get '' --prefix --count-only --write-out fields 2>/dev/null); then
  sed -nE 's/^"Count" : ([0-9]+)$/\\1/p' <<<"$answer"
  sed -nE 's/^"Revision" : ([0-9]+)$/\\1/p' <<<"$answer"
fi
`),
    ),
  // Members are let in by K3s's own certificates.
  admitsServers: () => Promise.resolve(true),
  steps: (scene) =>
    exchangeSteps(
      scene,
      {
        read: `Read the current content of etcd on ${scene.host.name}`,
        prepare: "Make data of the backup beside the current ones",
        exchange: `Exchange the data of ${scene.host.name}, and set those of the other servers aside`,
      },
      (phase) => runOnServers(scene, phase),
    ),
};

async function runOnServers(scene: RestoreScene, phase: string): Promise<string> {
  const { host, others } = scene;
  const address = await addressOf(host);
  const printed: string[] = [];
  if (phase === "swap")
    printed.push(...(await Promise.all(others.map((other) => runPhase(scene, other, address, "stop")))));
  printed.push(await runPhase(scene, host, address, phase));
  return printed.join("");
}

/** The address that K3s on this server has, or will have. */
async function addressOf(host: RestoreHost): Promise<string> {
  const lines = `sed -nE 's/^"?node-ip"?: "?([^"]*)"?$/\\1/p' /etc/rancher/k3s/config.yaml 2>/dev/null || test $? = 2
cat ${etcdAddressPath} 2>/dev/null || test $? = 1
`;
  const [address = ""] = (await host.run(lines)).trim().split("\n");
  if (address === "")
    throw new Error(`${host.name}: its address in etcd is not known: run up, then the restore again.`);
  return address.includes(":") ? `[${address}]` : address;
}

function runPhase(scene: RestoreScene, host: RestoreHost, address: string, phase: string): Promise<string> {
  return host.apply(
    renderHostScript({
      body: embeddedScripts.etcdServerRestore,
      parts: [engineScripts.etcdExchange],
      variables: {
        ...restoreVariables(scene, phase),
        host_name: host.name,
        address,
        init_mark: etcdInitMark,
      },
    }),
  );
}
