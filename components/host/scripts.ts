/** Scripts that hosts of any role run, and parts of others' scripts. */
export const hostScripts = {
  prelude: new URL("../render/scripts/prelude.sh", import.meta.url),
  originals: new URL("../render/scripts/originals.sh", import.meta.url),
  keptFiles: new URL("../render/scripts/keptFiles.sh", import.meta.url),
  firewall: new URL("../render/scripts/firewall.sh", import.meta.url),
  packages: new URL("../render/scripts/packages.sh", import.meta.url),
  secretFiles: new URL("../render/scripts/secretFiles.sh", import.meta.url),
  hostCheck: new URL("../render/scripts/hostCheck.sh", import.meta.url),
  hostFitness: new URL("../render/scripts/hostFitness.sh", import.meta.url),
  hostOwnership: new URL("../render/scripts/hostOwnership.sh", import.meta.url),
  hostOwner: new URL("../render/scripts/hostOwner.sh", import.meta.url),
} as const;
