import type { HostCheckPart } from "./hostCheckPart.ts";
import { hostFitness } from "./hostFitness.ts";
import { hostNetwork } from "./hostNetwork.ts";
import { hostOwnership } from "./hostOwnership.ts";

/** All checks of a host before any host is changed, in this order. */
export const hostCheckParts: readonly HostCheckPart[] = [hostFitness, hostNetwork, hostOwnership];
