/**
 * How long it takes from no hosts to all nodes Ready: `make up`'s own steps beside the same cluster made by a bare shell
 * script, in turn, in one run: `make bench ARGS=3` for three rounds. Takes the machine's sandbox; prints a line for each
 * run and the ratio of the medians.
 */
import { join } from "node:path";
import { execa } from "execa";
import { down, up } from "../../sandbox/sandbox.ts";
import { bridgeAddress, machineSite, pathsOf } from "../../sandbox/state.ts";
import { devConfig, readyNodes, SandboxStack } from "../support/sandboxCluster.ts";

const rounds = Number(process.argv[2] ?? 3);
const mirror = `http://${bridgeAddress(machineSite)}:8080`;
const version = "v1.35.0+k3s1";

async function measured(name: string, work: () => Promise<void>): Promise<number> {
  await down();
  const start = performance.now();
  await up();
  const booted = performance.now();
  await work();
  const seconds = (performance.now() - start) / 1000;
  console.log(`${name}: ${seconds.toFixed(1)} s, ${((booted - start) / 1000).toFixed(1)} s of it for the hosts`);
  return seconds;
}

const floor = () =>
  measured("bare shell script", async () => {
    const sshDirectory = join(pathsOf(machineSite).clientKey, "..");
    await execa(
      "bash",
      [join(import.meta.dirname, "floor.sh"), sshDirectory, mirror, version, machineSite.addressPrefix],
      { stdin: "ignore" },
    );
  });

const product = () =>
  measured("k3s-ha", async () => {
    const stack = await SandboxStack.open("dev", await devConfig());
    await stack.mustUp();
    const ready = await readyNodes(await stack.kubeconfig());
    if (ready.length !== 3) throw new Error(`only ${ready.join(", ")} are Ready`);
  });

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}

const floors: number[] = [];
const products: number[] = [];
for (let round = 0; round < rounds; round++) {
  floors.push(await floor());
  products.push(await product());
}
await down();
console.log(
  `medians: bare shell script ${median(floors).toFixed(1)} s, k3s-ha ${median(products).toFixed(1)} s, ratio ${(median(products) / median(floors)).toFixed(2)}`,
);
