/** A tls plugin, openssl to read what it makes, and a certificate authority to sign with. */
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { reveal, Secret, textOf, type PropertyMap } from "../../../toolchain/plugins/provider/value.ts";
import { PluginProcess } from "./pluginProcess.ts";

const run = promisify(execFile);

/** Type tokens. */
export const privateKey = "tls:index/privateKey:PrivateKey";
export const selfSigned = "tls:index/selfSignedCert:SelfSignedCert";
export const request = "tls:index/certRequest:CertRequest";
export const locallySigned = "tls:index/locallySignedCert:LocallySignedCert";

/** A created authority. */
export interface Authority {
  inputs: PropertyMap;
  state: PropertyMap;
  /** PEM of its private key. */
  key: string;
}

/** What is running. */
export class TlsFixture {
  readonly plugin: PluginProcess;
  readonly directory: string;
  #files = 0;

  private constructor(plugin: PluginProcess, directory: string) {
    this.plugin = plugin;
    this.directory = directory;
  }

  static async start(): Promise<TlsFixture> {
    const plugin = await PluginProcess.start("tls");
    await plugin.configure();
    return new TlsFixture(plugin, await mkdtemp(join(tmpdir(), "tls-plugin-")));
  }

  async stop(): Promise<void> {
    await this.plugin.stop();
    await rm(this.directory, { recursive: true });
  }

  /** Writes text to a file of its own, readable by its owner only, and returns the path. */
  async fileWith(text: string): Promise<string> {
    const path = join(this.directory, `file-${this.#files++}`);
    await writeFile(path, text, { mode: 0o600 });
    return path;
  }

  /** What openssl prints to stdout. */
  async openssl(...args: string[]): Promise<string> {
    return (await run("openssl", args)).stdout;
  }

  /** The certificate in a state, as openssl describes it. */
  async certificateText(state: PropertyMap): Promise<string> {
    return this.openssl("x509", "-in", await this.fileWith(textOf(state["certPem"])), "-noout", "-text");
  }

  /** PEM of a new private key. */
  async keyPem(algorithm = "ECDSA", ecdsaCurve = "P256"): Promise<string> {
    const { state } = await this.plugin.create(privateKey, { algorithm, ecdsaCurve });
    return reveal(state["privateKeyPem"] ?? null) as string;
  }

  /** A new authority; `more` changes its inputs. */
  async authority(more: PropertyMap = {}): Promise<Authority> {
    const key = await this.keyPem();
    const inputs: PropertyMap = {
      privateKeyPem: new Secret(key),
      isCaCertificate: true,
      setSubjectKeyId: true,
      allowedUses: ["cert_signing", "crl_signing", "digital_signature"],
      validityPeriodHours: 48,
      subject: { commonName: "test authority", organization: "k3s-ha" },
      ...more,
    };
    const { state } = await this.plugin.create(selfSigned, inputs);
    return { inputs, state, key };
  }

  /** A certificate signed by `ca` for a new request; `more` changes the inputs of the certificate. */
  async signed(
    ca: Authority,
    requestInputs: PropertyMap,
    more: PropertyMap = {},
  ): Promise<{ inputs: PropertyMap; id: string; state: PropertyMap }> {
    const key = new Secret(await this.keyPem());
    const csr = await this.plugin.create(request, { privateKeyPem: key, ...requestInputs });
    const inputs: PropertyMap = {
      certRequestPem: csr.state["certRequestPem"] ?? null,
      caCertPem: ca.state["certPem"] ?? null,
      caPrivateKeyPem: new Secret(ca.key),
      allowedUses: ["server_auth", "digital_signature", "key_encipherment"],
      validityPeriodHours: 24,
      ...more,
    };
    return { inputs, ...(await this.plugin.create(locallySigned, inputs)) };
  }
}
