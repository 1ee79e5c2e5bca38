// Proves that names which scripts and TypeScript both hold are the same on both sides: a script is text of its own.
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { backupCommandPath, backupSettingsPath } from "../../components/backup/backupProgram.ts";
import { backupUnits, nodeExporterDirectory } from "../../components/backup/backupUnits.ts";
import { apiPort } from "../../components/balancer/balancerState.ts";
import { haproxySocket } from "../../components/balancer/haproxyConfig.ts";
import { vrrpFirewallUnit } from "../../components/balancer/vrrpFirewall.ts";
import { datastoreFirewallUnit } from "../../components/datastore/datastoreFirewall.ts";
import { putBackRecords } from "../../components/host/firewallUnit.ts";
import { writtenBy } from "../../components/host/writtenBy.ts";
import { registriesPath } from "../../components/k3s/k3sNode.ts";
import { k3sConfigPath } from "../../components/k3s/k3sRelease.ts";
import { k3sTlsDirectory } from "../../components/k3s/k3sServerPool.ts";
import { k3sUnitNames } from "../../components/k3s/k3sUnit.ts";
import { projectDirectory } from "../../operations/workspace.ts";

const scripts = new Map(
  globSync("components/**/*.sh", { cwd: projectDirectory }).map((path) => [
    path,
    readFileSync(join(projectDirectory, path), "utf8"),
  ]),
);

/** What scripts hold in their own words, by what TypeScript calls it. */
const held: readonly (readonly [name: string, scripts: readonly string[]])[] = [
  [backupCommandPath, ["backup/backupRemoval.sh", "datastore/engine/backupFirst.sh"]],
  [backupSettingsPath, ["backup/program/settings.sh"]],
  [backupUnits.backup, ["backup/backupRemoval.sh", "backup/program/alarm.sh"]],
  [backupUnits.drill, ["backup/backupRemoval.sh", "backup/program/alarm.sh"]],
  [backupUnits.inspection, ["backup/backupRemoval.sh"]],
  [backupUnits.failure, ["backup/backupTimer.sh"]],
  [nodeExporterDirectory, ["backup/program/alarm.sh"]],
  [haproxySocket, ["balancer/balancerCheck.sh"]],
  [vrrpFirewallUnit, ["balancer/virtualIp.sh"]],
  [datastoreFirewallUnit, ["datastore/managed/datastoreClient.sh", "datastore/managed/datastoreServer.sh"]],
  [putBackRecords, ["host/prelude.sh", "balancer/k3sStop.sh"]],
  [`:${apiPort}`, ["balancer/k3sStop.sh", "balancer/serverHealth.sh", "k3s/k3sRestart.sh", "k3s/k3sService.sh"]],
  [
    k3sTlsDirectory,
    [
      "balancer/k3sStop.sh",
      "balancer/serverHealth.sh",
      "balancer/externalBalancer.sh",
      "k3s/k3sRestart.sh",
      "k3s/k3sService.sh",
    ],
  ],
  [k3sConfigPath, ["host/hostOwnership.sh"]],
  [registriesPath, ["host/hostOwnership.sh"]],
  [k3sUnitNames.agent, ["host/hostOwnership.sh", "k3s/clusterMembers.sh"]],
];

describe("scripts", () => {
  for (const [name, paths] of held)
    it(`hold ${name}`, () => {
      for (const path of paths) assert.ok(scripts.get(`components/${path}`)?.includes(name), path);
    });

  it("mark the files that they compose as every other file is marked", () => {
    const marking = [...scripts].filter(
      ([path, text]) => text.includes("# Written by") && !path.endsWith("originals.sh"),
    );
    assert.ok(marking.length >= 2, String(marking.length));
    for (const [path, text] of marking) assert.ok(text.includes(`# ${writtenBy}`), path);
  });
});
