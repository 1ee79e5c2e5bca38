/** When a certificate has to be made again although nothing about it was changed. */
import { textOf, type PropertyMap } from "../provider/value.ts";

/** True from `earlyRenewalHours` before the end on. False while there is no certificate yet. */
export function dueForRenewal(inputs: PropertyMap, state: PropertyMap): boolean {
  const end = Date.parse(textOf(state["validityEndTime"]));
  if (Number.isNaN(end)) return false;
  return Date.now() >= end - Number(inputs["earlyRenewalHours"] ?? 0) * 3_600_000;
}
