/** A command plugin and an SSH server for it, as every test of remote commands needs them. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PropertyMap } from "../../../toolchain/plugins/provider/value.ts";
import { PluginProcess } from "./pluginProcess.ts";
import { SshServer } from "./sshServer.ts";

/** The type token. */
export const remote = "command:remote:Command";

/** What is running. */
export class CommandFixture {
  readonly plugin: PluginProcess;
  readonly server: SshServer;
  /** A connection to the server that works. */
  readonly connection: PropertyMap;
  /** For files of the test; removed at the end. */
  readonly directory: string;

  private constructor(plugin: PluginProcess, server: SshServer, connection: PropertyMap, directory: string) {
    this.plugin = plugin;
    this.server = server;
    this.connection = connection;
    this.directory = directory;
  }

  static async start(): Promise<CommandFixture> {
    const server = await SshServer.start();
    const plugin = await PluginProcess.start("command");
    await plugin.configure();
    const directory = await mkdtemp(join(tmpdir(), "command-plugin-"));
    return new CommandFixture(plugin, server, await server.connection(), directory);
  }

  /** Inputs as the engine passes them on after Check. */
  async checked(inputs: PropertyMap): Promise<PropertyMap> {
    const { inputs: all, failures } = await this.plugin.check(remote, { connection: this.connection, ...inputs });
    assert.deepEqual(failures, []);
    return all;
  }

  /** Checks, then creates a resource named `step`. */
  async create(inputs: PropertyMap): Promise<{ id: string; state: PropertyMap }> {
    return this.plugin.create(remote, await this.checked(inputs), false, "step");
  }

  async stop(): Promise<void> {
    await this.plugin.stop();
    await this.server.stop();
    await rm(this.directory, { recursive: true });
  }
}
