import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { shellQuote } from "../../components/host/shell.ts";
import { programPath } from "./programs.ts";
import { inTemporaryDirectory } from "./temporaryDirectory.ts";

/** Options of unshare for a network of its own, as root in it. */
export function ownNetwork(): string[] {
  return process.getuid?.() === 0 ? ["--net"] : ["--net", "--map-root-user"];
}

/** What real nftables has of rules after loading these, one after the other, in a network that ends with the call. */
export async function loadedRules(...rules: string[]): Promise<string> {
  return inTemporaryDirectory(async (directory) => {
    const nft = programPath("nft");
    const commands = await Promise.all(
      rules.map(async (text, index) => {
        const path = join(directory, `${index}.nft`);
        await writeFile(path, text);
        return `${nft} -f ${shellQuote(path)}`;
      }),
    );
    const { stdout } = await execa("unshare", [
      ...ownNetwork(),
      "sh",
      "-ec",
      [...commands, `${nft} list ruleset`].join("\n"),
    ]);
    return stdout;
  });
}
