/** How far a build with Go is: proved with builds of a small module, and with the words of long ones. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { it } from "node:test";
import { execa } from "execa";
import { announcement, buildProgram, compilerMemory, packagesToCompile, share } from "../../build/goBuild.ts";
import { inTemporaryDirectory } from "../support/temporaryDirectory.ts";

it("is told as a share of what has to be compiled, and ends with all of it", async () => {
  await inTemporaryDirectory(async (directory) => {
    // No cache has a package with unique content.
    const unique = randomBytes(8).toString("hex");
    for (const [path, text] of Object.entries({
      "go.mod": "module example\n\ngo 1.25\n",
      "main.go": 'package main\n\nimport "example/inner"\n\nfunc main() { println(inner.Text) }\n',
      "inner/inner.go": `package inner\n\nconst Text = "${unique}"\n`,
    })) {
      await mkdir(dirname(join(directory, path)), { recursive: true });
      await writeFile(join(directory, path), text);
    }
    const [program, output] = [{ package: "." }, join(directory, "program")];
    const total = await packagesToCompile(directory, program);
    assert.ok(total >= 2, String(total));
    const details: string[] = [];

    await buildProgram(directory, program, output, { detail: (text) => details.push(text) });

    assert.deepEqual(details.at(-1), `${total} of ${total} packages, 100 %, example`);
    assert.ok(
      details.includes(
        `${total - 1} of ${total} packages, ${Math.floor(((total - 1) / total) * 100)} %, example/inner`,
      ),
    );
    assert.equal((await execa(output)).stderr, unique);
    assert.equal(await packagesToCompile(directory, program), 0, "what Go has in its cache is not to be compiled");
  });
});

it("that fails shows what the compiler said, also where nothing can be counted", async () => {
  await inTemporaryDirectory(async (directory) => {
    await writeFile(join(directory, "go.mod"), "module example\n\ngo 1.25\n");
    await writeFile(
      join(directory, "main.go"),
      'package main\n\nimport "example/missing"\n\nfunc main() { missing.Run() }\n',
    );

    const build = buildProgram(directory, { package: "." }, join(directory, "program"), { detail: () => undefined });

    await assert.rejects(build, /go could not build \.:\n[^]*example\/missing/);
  });
});

it("gives compilers half of the machine's memory between them", () => {
  assert.deepEqual(compilerMemory(24 * 1024 ** 3, 2), { GOGC: "off", GOMEMLIMIT: "6144MiB" });
  assert.deepEqual(compilerMemory(4 * 1024 ** 3, 8), { GOGC: "off", GOMEMLIMIT: "256MiB" });
});

it("is announced with its minutes on the processors that there are", () => {
  assert.match(announcement(4200, 2), /^4200 packages to compile: about 11 min on 2 idle processors/);
  assert.match(announcement(1685, 8), /about 2 min on 8 idle processors/);
  assert.equal(share(0, 0), "0 packages");
  assert.equal(share(1050, 4200), "1050 of 4200 packages, 25 %");
});
