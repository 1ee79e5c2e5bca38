/**
 * Builds the npm package's `dist/` from `components/`: JavaScript and declarations of what components/index.ts reaches,
 * and the scripts for hosts beside them, since the components read those at run time.
 */
import { globSync } from "node:fs";
import { cp, rm } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";

const root = join(import.meta.dirname, "..");
const dist = join(root, "dist");
const components = join(root, "components");

await rm(dist, { recursive: true, force: true });
await execa("tsc", ["--project", "tsconfig.build.json"], { cwd: root, preferLocal: true, stdio: "inherit" });
for (const script of globSync("**/*.sh", { cwd: components })) await cp(join(components, script), join(dist, script));
