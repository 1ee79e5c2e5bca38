/** A database server with a certificate, its authority's certificate in a file, and mysql plugins for it. */
import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Secret, type PropertyMap } from "../../../toolchain/plugins/provider/value.ts";
import { alternativeNames } from "../../../toolchain/plugins/tls/alternativeNames.ts";
import { issue, parseCertificate } from "../../../toolchain/plugins/tls/certificate.ts";
import { nameOf } from "../../../toolchain/plugins/tls/distinguishedName.ts";
import { generateKey } from "../../../toolchain/plugins/tls/keys.ts";
import { DatabaseServer } from "./databaseServer.ts";
import { PluginProcess } from "./pluginProcess.ts";

/** Type tokens. */
export const database = "mysql:index/database:Database";
export const user = "mysql:index/user:User";
export const grant = "mysql:index/grant:Grant";

/** What is running. */
export class MysqlFixture {
  readonly server: DatabaseServer;
  readonly directory: string;
  readonly #plugins: PluginProcess[] = [];

  private constructor(server: DatabaseServer, directory: string) {
    this.server = server;
    this.directory = directory;
  }

  /** The server's certificate is for 127.0.0.1 and db.example. */
  static async start(): Promise<MysqlFixture> {
    const directory = await mkdtemp(join(tmpdir(), "mysql-plugin-"));
    const [caKey, key] = [await generateKey("ECDSA", 0, "P256"), await generateKey("ECDSA", 0, "P256")];
    const common = { validityHours: 1, maxPathLength: undefined, setAuthorityKeyId: false, setSubjectKeyId: true };
    const authority = { subject: nameOf({ commonName: "test authority" }), key: caKey, isCa: true };
    const ca = issue(
      { ...common, ...authority, alternativeNames: undefined, allowedUses: ["cert_signing"] },
      { key: caKey },
    );
    const names = alternativeNames({ ipAddresses: ["127.0.0.1"], dnsNames: ["db.example"] });
    const holder = { subject: nameOf({ commonName: "database" }), key, isCa: false };
    const leaf = issue(
      { ...common, ...holder, alternativeNames: names, allowedUses: ["server_auth"] },
      { key: caKey, certificate: parseCertificate(ca.pem) },
    );
    await writeFile(join(directory, "ca.pem"), ca.pem);
    const keyPem = key.export({ format: "pem", type: "pkcs8" }).toString();
    const server = await DatabaseServer.start(leaf.pem, keyPem, randomBytes(12).toString("hex"));
    return new MysqlFixture(server, directory);
  }

  /** The certificate that the server's one can be verified with. */
  get caFile(): string {
    return join(this.directory, "ca.pem");
  }

  async stop(): Promise<void> {
    await Promise.all(this.#plugins.map((plugin) => plugin.stop()));
    await this.server.stop();
    await rm(this.directory, { recursive: true });
  }

  /** A plugin without configuration that gives a server up after one second. */
  async plugin(env: Record<string, string> = {}): Promise<PluginProcess> {
    const plugin = await PluginProcess.start("mysql", { K3S_HA_MYSQL_PATIENCE: "1", ...env });
    this.#plugins.push(plugin);
    return plugin;
  }

  /** A plugin for the server; `args` change its configuration. */
  async pluginFor(args: PropertyMap = {}, env: Record<string, string> = {}): Promise<PluginProcess> {
    const plugin = await this.plugin(env);
    const password = new Secret(this.server.password);
    await plugin.configure({ endpoint: this.server.endpoint, username: "admin", password, ...args });
    return plugin;
  }
}
