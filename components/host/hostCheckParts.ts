import type { HostCheckPart } from "./hostCheckPart.ts";
import { hostFitness } from "./hostFitness.ts";
import { hostNetwork } from "./hostNetwork.ts";
import { hostOwnership } from "./hostOwnership.ts";

/** All that is looked at on a host before anything is changed on any, in this order. */
export const hostCheckParts: readonly HostCheckPart[] = [hostFitness, hostNetwork, hostOwnership];
