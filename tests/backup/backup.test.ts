// Proves that what the backup's host gets means what was asked: option files as MariaDB's own reader sees them, units
// that systemd takes, scripts that shellcheck has no remark on. tests/backup/program runs the program.
import assert from "node:assert/strict";
import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { execa } from "execa";
import fc from "fast-check";
import { renderBackupOptionFile } from "../../components/datastore/engine/backupOptionFile.ts";
import { mysqlBackupFunctions } from "../../components/datastore/engine/mysqlBackup.ts";
import { backupProgramPath, renderBackupProgram } from "../../components/backup/backupProgram.ts";
import { renderBackupProgramSettings } from "../../components/backup/backupProgramSettings.ts";
import {
  inspectionCalendar,
  renderBackupService,
  renderBackupTimer,
  renderFailureService,
  renderInspectionService,
} from "../../components/backup/backupUnits.ts";
import { onCalendar } from "../../components/backup/onCalendar.ts";
import { tokenFingerprint } from "../../components/identity/tokenFingerprint.ts";
import { assertGolden } from "../support/golden.ts";
import { programPath } from "../support/programs.ts";
import { inTemporaryDirectory } from "../support/temporaryDirectory.ts";

const login = {
  address: "198.51.100.20",
  port: 3306,
  user: "k3s_backup",
  password: "…",
  caPath: "/etc/k3s-ha/backup-ca.crt",
};

describe("renderBackupOptionFile", () => {
  it("reads like this", () => {
    assertGolden("backup.cnf", renderBackupOptionFile(login));
  });

  it("gives MariaDB's clients any password as it is", async () => {
    const awkward = fc.constantFrom(
      "#",
      '"',
      "'",
      "\\",
      "\\n",
      " ",
      "\t",
      "\n",
      "\r",
      ";",
      "[client]",
      "%",
      "ä",
      "!include /etc/passwd",
      "=",
    );
    const password = fc.oneof(
      fc.string({ unit: "grapheme", minLength: 1, maxLength: 60 }).filter((text) => !text.includes("\0")),
      fc.array(awkward, { minLength: 1, maxLength: 10 }).map((parts) => parts.join("")),
    );
    await inTemporaryDirectory(async (directory) => {
      const path = join(directory, "backup.cnf");
      await fc.assert(
        fc.asyncProperty(password, async (text) => {
          await writeFile(path, renderBackupOptionFile({ ...login, password: text }));
          const { stdout } = await execa("my_print_defaults", [`--defaults-file=${path}`, "client", "client-mariadb"]);
          assert.deepEqual(
            stdout,
            [
              "--protocol=tcp",
              `--host=${login.address}`,
              "--port=3306",
              "--user=k3s_backup",
              `--password=${text}`,
              `--ssl-ca=${login.caPath}`,
              "--ssl-verify-server-cert",
            ].join("\n"),
          );
        }),
        { numRuns: 200 },
      );
    });
  });

  it("refuses what an option file cannot hold", () => {
    assert.throws(() => renderBackupOptionFile({ ...login, password: "a\0b" }), {
      message: "a value of an option file cannot hold a NUL character",
    });
  });
});

describe("renderBackupProgramSettings", () => {
  const settings = {
    hostName: "db-1",
    directory: "/var/backups/k3s-ha",
    keep: 48,
    daily: 7,
    weekly: 4,
    monthly: 6,
    maxAgeSeconds: 10800,
    datastore: { database: "k3s", source: "198.51.100.20:3306", client_options: "/etc/k3s-ha/backup.cnf" },
    tokenFingerprintFile: "/etc/k3s-ha/backup-token.fingerprint",
    manifestKeyFile: "/etc/k3s-ha/backup-manifest.secret",
    k3sVersion: "v1.35.0+k3s1",
    verifier: "k3s-ha-backup",
    recipients: ["age1first", "age1second"],
    tokenEscrow: "/etc/k3s-ha/backup-token.age",
    copy: {
      config: "/etc/k3s-ha/backup-rclone.conf",
      path: "k3s/prod",
      destination: "sftp://203.0.113.90/k3s/prod",
      prune: true,
    },
    metricsDirectory: undefined,
    onFailure: "mail -s backup root",
    webhookConfig: undefined,
    drillMaxAgeSeconds: undefined,
    drillRequired: false,
    drillIdentity: undefined,
  };

  it("reads like this", () => {
    assertGolden("backup.conf", renderBackupProgramSettings(settings));
  });

  it("refuses a value that would be two lines", () => {
    const datastore = { ...settings.datastore, database: "k3s\nkeep=0" };
    assert.throws(() => renderBackupProgramSettings({ ...settings, datastore }), {
      message: "the backup's database must not hold a line break",
    });
  });
});

describe("the units", () => {
  const directory = "/var/backups/k3s-ha";
  const schedules = ["17 * * * *", "0 0 13 * FRI", "*/10 1-5,23 1,L * 5L"];

  it("read like this", () => {
    assertGolden("k3s-ha-backup.service", renderBackupService(directory));
    assertGolden("k3s-ha-failed@.service", renderFailureService());
    assertGolden("k3s-ha-backup.timer", renderBackupTimer(onCalendar("0 3 1 * SUN")));
  });

  for (const schedule of schedules) {
    it(`are taken by systemd for the schedule ${schedule}`, async () => {
      await inTemporaryDirectory(async (units) => {
        const program = join(units, "backup");
        await writeFile(program, "#!/bin/sh\n");
        await chmod(program, 0o755);
        const service = join(units, "k3s-ha-backup.service");
        const timer = join(units, "k3s-ha-backup.timer");
        await writeFile(service, renderBackupService(directory).replace(backupProgramPath, program));
        await writeFile(timer, renderBackupTimer(onCalendar(schedule)));
        const { all } = await execa(
          programPath("systemd-analyze"),
          ["verify", "--recursive-errors=no", service, timer],
          { all: true },
        );
        assert.equal(all, "");
      });
    });
  }

  it("inspect once a day, and report a failure", async () => {
    await inTemporaryDirectory(async (units) => {
      const program = join(units, "backup");
      await writeFile(program, "#!/bin/sh\n");
      await chmod(program, 0o755);
      const [service, timer] = ["service", "timer"].map((kind) => join(units, `k3s-ha-backup-inspection.${kind}`));
      const text = renderInspectionService(directory);
      assert.match(text, /^OnFailure=k3s-ha-failed@%N\.service$/m);
      await writeFile(service ?? "", text.replace(backupProgramPath, program));
      await writeFile(timer ?? "", renderBackupTimer(inspectionCalendar));
      const files = [service ?? "", timer ?? ""];
      const { all } = await execa(programPath("systemd-analyze"), ["verify", "--recursive-errors=no", ...files], {
        all: true,
      });
      assert.equal(all, "");
    });
  });
});

describe("tokenFingerprint", () => {
  it("is what K3s names a cluster's keys after", () => {
    // printf %s 0123456789abcdef0123456789abcdef | sha256sum
    assert.equal(tokenFingerprint("0123456789abcdef0123456789abcdef"), "3eb1bd439947");
  });

  it("is the same for a token with the CA's hash before it", () => {
    const hash = "ab".repeat(32);
    for (const user of ["server:", ""]) {
      assert.equal(tokenFingerprint(`K10${hash}::${user}a-token`), tokenFingerprint("a-token"));
    }
  });
});

describe("the program", () => {
  it("draws no remark from shellcheck", async () => {
    const { stdout } = await execa(programPath("shellcheck"), ["-"], {
      input: renderBackupProgram(mysqlBackupFunctions),
      reject: false,
    });
    assert.equal(stdout, "");
  });
});
