/** A CA in a file, gone with the process. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
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
