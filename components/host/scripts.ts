/** Scripts that hosts of any role run, and parts of others' scripts. */
export const hostScripts = {
  prelude: new URL("./prelude.sh", import.meta.url),
  originals: new URL("./originals.sh", import.meta.url),
  keptFiles: new URL("./keptFiles.sh", import.meta.url),
  firewall: new URL("./firewall.sh", import.meta.url),
  packages: new URL("./packages.sh", import.meta.url),
  secretFiles: new URL("./secretFiles.sh", import.meta.url),
  hostCheck: new URL("./hostCheck.sh", import.meta.url),
  hostFitness: new URL("./hostFitness.sh", import.meta.url),
  hostNetwork: new URL("./hostNetwork.sh", import.meta.url),
  hostOwnership: new URL("./hostOwnership.sh", import.meta.url),
  hostOwner: new URL("./hostOwner.sh", import.meta.url),
  hostProxy: new URL("./hostProxy.sh", import.meta.url),
  putFiles: new URL("./putFiles.sh", import.meta.url),
  optionalFiles: new URL("./optionalFiles.sh", import.meta.url),
  agentFunctions: new URL("./agentFunctions.sh", import.meta.url),
} as const;
