/** Scripts that servers and agents run. */
export const k3sScripts = {
  k3sInstall: new URL("../render/scripts/k3sInstall.sh", import.meta.url),
  k3sService: new URL("../render/scripts/k3sService.sh", import.meta.url),
  k3sRestart: new URL("../render/scripts/k3sRestart.sh", import.meta.url),
  k3sClaim: new URL("../render/scripts/k3sClaim.sh", import.meta.url),
  k3sDrain: new URL("../render/scripts/k3sDrain.sh", import.meta.url),
  k3sUninstall: new URL("../render/scripts/k3sUninstall.sh", import.meta.url),
  clusterMembers: new URL("../render/scripts/clusterMembers.sh", import.meta.url),
  upgradeDump: new URL("../render/scripts/upgradeDump.sh", import.meta.url),
} as const;
