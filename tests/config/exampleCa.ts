/** A CA in a file, and one that is none, gone with the process. */
import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const directory = mkdtempSync(join(tmpdir(), "k3s-ha-ca-"));
process.on("exit", () => {
  rmSync(directory, { recursive: true });
});

/** Path of its certificate, as PEM. */
export const exampleCa = join(directory, "ca.pem");

const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", join(directory, "ca.key")];
execFileSync("openssl", ["req", "-x509", ...key, "-days", "3650", "-subj", "/CN=example", "-out", exampleCa], {
  stdio: "ignore",
});

/** The day on which it ends, as messages write it. */
export const exampleCaEnd = new Date(new X509Certificate(readFileSync(exampleCa)).validTo).toISOString().slice(0, 10);

/** Path of a certificate that lost a part of itself on the way. */
export const damagedCa = join(directory, "damaged.pem");
writeFileSync(damagedCa, "-----BEGIN CERTIFICATE-----\nMIIBozCC\n-----END CERTIFICATE-----\n");
