import { PolicyPack } from "@pulumi/policy";
import { commandRules } from "./commandRules.ts";
import { productionRules } from "./productionRules.ts";

new PolicyPack("k3s-ha-production", {
  enforcementLevel: "mandatory",
  policies: [...commandRules, ...productionRules],
});
