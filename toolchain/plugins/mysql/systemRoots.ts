/** The certificate authorities that Go programs trust: those of the system, or what two variables name instead. */
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";

const files = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem"];
const directories = ["/etc/ssl/certs", "/etc/pki/tls/certs"];

/**
 * PEM texts of all roots. `SSL_CERT_FILE` replaces the list of files, of which the first that can be read counts;
 * `SSL_CERT_DIR` (several, separated by colons) replaces the directories, of which all count.
 */
export async function systemRoots(): Promise<string[]> {
  const { SSL_CERT_FILE, SSL_CERT_DIR } = process.env;
  const roots: string[] = [];
  for (const file of SSL_CERT_FILE ? [SSL_CERT_FILE] : files) {
    const text = await textOf(file);
    if (text === undefined) continue;
    roots.push(text);
    break;
  }
  for (const directory of SSL_CERT_DIR ? SSL_CERT_DIR.split(":") : directories) {
    const names = await readdir(directory).catch(() => []);
    const texts = await Promise.all(names.map((name) => textOf(join(directory, name))));
    roots.push(...texts.filter((text) => text !== undefined));
  }
  return roots.flatMap((text) => text.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? []);
}

/** A file's text; undefined when it cannot be read, which Go passes over as well. */
async function textOf(path: string): Promise<string | undefined> {
  return readFile(path, "utf8").catch(() => undefined);
}
