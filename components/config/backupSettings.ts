import * as pulumi from "@pulumi/pulumi";
import { configPath } from "./configPath.ts";
import type { Configuration, SecretKey } from "./schema.ts";
import type { BackupSettings, Secret, Settings } from "./settings.ts";

/** The backup's section with the host that it names, and the secrets that belong to it. */
export function backupSettings(
  { host, dedicated, copy, ...backup }: NonNullable<Configuration["backup"]>,
  rest: {
    readonly hosts: Settings["hosts"];
    /** Name of the host that takes backups if none is named; undefined if one has to be. */
    readonly standard: string | undefined;
    readonly values: Readonly<Record<string, string>>;
  },
): BackupSettings {
  const hostName = dedicated?.name ?? host ?? rest.standard ?? "";
  const entry = rest.hosts[hostName];
  if (entry === undefined) throw new Error(`the host ${hostName} was taken for one of the stack`);
  const secret = (name: SecretKey): Secret | undefined => {
    const text = (rest.values[configPath(name)] ?? "").trim();
    return text === "" ? undefined : pulumi.secret(text);
  };
  return {
    ...backup,
    host: entry.host,
    hostName,
    lostHosts: Object.fromEntries(
      Object.entries(rest.hosts).flatMap(([name, { host }]) => (host.standIn === undefined ? [] : [[name, host]])),
    ),
    copy:
      copy === undefined
        ? undefined
        : {
            ...copy,
            remote: Object.fromEntries(Object.entries(copy.remote).map(([name, value]) => [name, String(value)])),
            credentials: secret("backupCopyCredentials"),
          },
    metricsDirectory: backup.metricsDirectory,
    onFailure: backup.onFailure,
    drill: backup.drill,
    drillIdentity: secret("backupDrillIdentity"),
    failureWebhook: secret("backupFailureWebhook"),
  };
}
