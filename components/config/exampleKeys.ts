import { configPath } from "./configPath.ts";
import type { ConfiguredHost } from "./hosts.ts";
import type { Problem } from "./problem.ts";
import type { Configuration } from "./schema.ts";

/**
 * The public keys in this project's documentation and examples. Their private keys are unknown: a host that shows one of
 * them is not yours, and a backup that is encrypted to one may never be decrypted.
 */
export const exampleKeys: readonly string[] = [
  "age1aealv8mqc7m2ycdhmaskvls66t3rel467rm7lawvc97axm4q9csq466qkt",
  "AAAAC3NzaC1lZDI1NTE5AAAAIAl/C0LM2ROiSm/H5K1lmA34bz363LEE+eHlvmeFguGm",
  "AAAAC3NzaC1lZDI1NTE5AAAAIGs7UZiwDVxvQC+kNQbIS6cU/QACuX6N0+VR1DYMiv62",
  "AAAAC3NzaC1lZDI1NTE5AAAAIKu6ZKh1xr4jmTSwFoWc8rxLs2a4txioww4ItbFoIQ/J",
  "AAAAC3NzaC1lZDI1NTE5AAAAIGJw7AIrMFP6nTfMfp6TQnc72+zrCd8dIlPlEUP+PjBo",
  "AAAAC3NzaC1lZDI1NTE5AAAAIDmz1J+hmRiTz4fbPmO0UExBbAyW8corJPFKx9FBoztM",
  "AAAAC3NzaC1lZDI1NTE5AAAAICjzcjg5tlyyuXPBi9HQ18Fy4xYV1ygooA9e/CwOaaJe",
  "AAAAC3NzaC1lZDI1NTE5AAAAIIDBl2pOlABbntcG/SBBV5vu09Kc+E85heGQKCxZNAfV",
  "AAAAC3NzaC1lZDI1NTE5AAAAIP3k87E7DA8tiG2gZXfs0lXuzmjwwHCIATbAliY8pFvq",
  "AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBBS32/F2Q2BcSMgU6jGSUHWh8t87k3LZA0erspX+hg7xyUr1eqHyKHiMHzzB3zy6UFmnquY8H4YmH7E5htzUWQQ=",
  "AAAAC3NzaC1lZDI1NTE5AAAAIMdDVC+670SFpxltqxQLagPvSN2oLmSj/Q1EGMDDJrxC",
];

function isExample(key: string): boolean {
  return key.split(/\s+/).some((word) => exampleKeys.includes(word));
}

/** Keys of the examples that were not replaced. A preview continues with them, but an update does not start. */
export function leftExamples({ backup }: Configuration, hosts: readonly ConfiguredHost[]): Problem[] {
  const fault = "is the example key of this project's documentation, not a key of your host";
  const ofHosts = hosts
    .filter(({ entry }) => isExample(entry.hostKey ?? ""))
    .map(({ path }) => ({
      path: `${path}.hostKey`,
      fault: `${fault}: write the host's own key, from its /etc/ssh/ssh_host_ed25519_key.pub`,
    }));
  const ofBackups = (backup?.recipients ?? []).flatMap((recipient, index) =>
    isExample(recipient)
      ? [
          {
            path: configPath("backup", "recipients", index),
            fault: `is the example key ${recipient} of this project's documentation, so you could not open a backup: create a key with age-keygen, and write its public key`,
          },
        ]
      : [],
  );
  const ofCopies = (backup?.copy?.hostKeys ?? []).flatMap((key, index) =>
    isExample(key)
      ? [
          {
            path: configPath("backup", "copy", "hostKeys", index),
            fault: `${fault}: write a key of the SFTP host, from its /etc/ssh/ssh_host_*_key.pub`,
          },
        ]
      : [],
  );
  return [...ofHosts, ...ofBackups, ...ofCopies];
}
