import { readFileSync } from "node:fs";

/** Where the program is installed. */
export const balancerCheckPath = "/usr/local/lib/k3s-ha/balancer-check";

/** The program that keepalived asks HAProxy with: the text of `scripts/balancerCheck.sh`, the same for every host. */
export const balancerCheck = readFileSync(new URL("./scripts/balancerCheck.sh", import.meta.url), "utf8");
