/** Commands for the sandbox's hosts. `make up` and `make down` do the same and more. */
import Table from "cli-table3";
import { Command } from "commander";
import { execa } from "execa";
import { restoreCheckpoint, saveCheckpoint } from "./checkpoint.ts";
import type { HostRecord, Login } from "./hostRecord.ts";
import type { Flavour } from "./image.ts";
import { requireRootOnLinux, thisMachine } from "./preconditions.ts";
import { boot, down, hostNamed, powerOff, status, up } from "./sandbox.ts";
import { sshArguments } from "./ssh.ts";
import { machineSite } from "./state.ts";

const program = new Command("sandbox").description("Real hosts on this machine for k3s-ha.").enablePositionalOptions();

program.hook("preAction", () => {
  requireRootOnLinux(thisMachine);
});
program
  .command("up")
  .description("create and boot hosts; by default db-1, lb-1, server-1, server-2 and agent-1")
  .argument("[hosts...]")
  .option("--flavour <flavour>", '"default" has the packages, "bare" has to install them', "default")
  .option("--login <login>", '"root", or "admin" with sudo', "root")
  .action(async (hosts: string[], options: { flavour: Flavour; login: Login }) => {
    await up({ ...(hosts.length === 0 ? {} : { hosts }), ...options });
    await printStatus();
  });
program
  .command("down")
  .description("remove all hosts, and everything else except the cache")
  .action(() => down());
program.command("status").description("show the hosts").action(printStatus);
program
  .command("shell")
  .description("log in to a host, or run a command on it")
  .argument("<host>")
  .argument("[command...]")
  .passThroughOptions()
  .action(async (name: string, command: string[]) => {
    const host = await hostNamed(name);
    const { exitCode } = await execa(
      "ssh",
      [...sshArguments(machineSite, host, command.length === 0 ? ["-t"] : []), ...command],
      {
        stdio: "inherit",
        reject: false,
      },
    );
    process.exitCode = exitCode ?? 255;
  });
program
  .command("power-off")
  .description("cut a host's power, without a shutdown")
  .argument("<host>")
  .action((name: string) => powerOff(name));
program
  .command("boot")
  .description("boot a host that is off")
  .argument("<host>")
  .action((name: string) => boot(name));

program
  .command("checkpoint")
  .description("save all hosts' disks and the stacks' state under a name; the hosts shut down and boot again")
  .argument("<name>")
  .action((name: string) => saveCheckpoint(name));
program
  .command("restore")
  .description("restore all hosts and stacks from a checkpoint; their current state is lost")
  .argument("<name>")
  .action((name: string) => restoreCheckpoint(name));

async function printStatus(): Promise<void> {
  const table = new Table({
    style: { head: [], border: [] },
    head: ["host", "role", "address", "state", "up for", "login", "process"],
  });
  for (const { host, state } of await status()) {
    const running =
      state === "off" ? ["", host.login, ""] : [uptime(host), host.login, String(host.process?.pid ?? "")];
    table.push([host.name, host.role, host.address, state, ...running]);
  }
  console.log(table.length === 0 ? "The sandbox has no hosts." : table.toString());
}

/** How long a host has been on, in its two largest units. */
function uptime({ startedAt }: HostRecord): string {
  const seconds = startedAt === undefined ? 0 : Math.floor((Date.now() - Date.parse(startedAt)) / 1000);
  const [minutes, hours] = [Math.floor(seconds / 60), Math.floor(seconds / 3600)];
  if (hours > 0) return `${hours} h ${minutes % 60} min`;
  return minutes > 0 ? `${minutes} min ${seconds % 60} s` : `${seconds} s`;
}

try {
  await program.parseAsync();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
