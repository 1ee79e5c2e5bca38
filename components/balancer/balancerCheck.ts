import { readFileSync } from "node:fs";
import { balancerScripts } from "./scripts.ts";

/** The path of the program. */
export const balancerCheckPath = "/usr/local/lib/k3s-ha/balancer-check";

/** The program that keepalived asks HAProxy with: the text of `balancerCheck.sh`, the same for every host. */
export const balancerCheck = readFileSync(balancerScripts.balancerCheck, "utf8");
