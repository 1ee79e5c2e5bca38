/** Scripts that servers and agents run. */
export const k3sScripts = {
  k3sInstall: new URL("./k3sInstall.sh", import.meta.url),
  k3sService: new URL("./k3sService.sh", import.meta.url),
  k3sRestart: new URL("./k3sRestart.sh", import.meta.url),
  k3sClaim: new URL("./k3sClaim.sh", import.meta.url),
  k3sDrain: new URL("./k3sDrain.sh", import.meta.url),
  podNetwork: new URL("./podNetwork.sh", import.meta.url),
  k3sUninstall: new URL("./k3sUninstall.sh", import.meta.url),
  clusterMembers: new URL("./clusterMembers.sh", import.meta.url),
  upgradeDump: new URL("./upgradeDump.sh", import.meta.url),
  k3sRelease: new URL("./k3sRelease.sh", import.meta.url),
  k3sServer: new URL("./k3sServer.sh", import.meta.url),
  k3sAgent: new URL("./k3sAgent.sh", import.meta.url),
  k3sAgentNode: new URL("./k3sAgentNode.sh", import.meta.url),
} as const;
