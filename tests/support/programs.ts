/** The real programs that tests ask for a verdict: the ones that hosts run, and checkers of shell and units. */
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** The programs, and the Debian package that each comes with. */
const packages = {
  bash: "bash",
  haproxy: "haproxy",
  keepalived: "keepalived",
  mariadbd: "mariadb-server",
  nft: "nftables",
  openssl: "openssl",
  shellcheck: "shellcheck",
  "systemd-analyze": "systemd",
} as const;

/** Debian keeps some of them where only root's PATH looks. */
const directories = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/local/sbin", "/usr/sbin", "/sbin"];

/** Path of a program. Without it the test fails, and says what to install: a proof that is skipped is none. */
export function programPath(name: keyof typeof packages): string {
  const found = directories
    .map((directory) => join(directory, name))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
  if (found === undefined) {
    throw new Error(`this test needs ${name}: apt-get install --no-install-recommends ${packages[name]}`);
  }
  return found;
}
