/** Certificates that tests make themselves, with openssl, for one run. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { programPath } from "./programs.ts";

/** Where the PEM files of a certificate and its key lie. */
export interface CertificateFiles {
  certificate: string;
  key: string;
}

const keyOptions = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];

/** A CA that signs itself, good for two days. */
export async function makeAuthority(directory: string, name: string): Promise<CertificateFiles> {
  const files = filesIn(directory, name);
  await openssl("req", "-x509", ...keyOptions, "-days", "2", "-subj", `/CN=${name}`, ...out(files));
  return files;
}

/** A certificate that a CA signs, for a DNS name or an address such as "DNS:kubernetes". */
export async function makeCertificate(
  directory: string,
  name: string,
  authority: CertificateFiles,
  alternativeName = `DNS:${name}`,
): Promise<CertificateFiles> {
  const files = filesIn(directory, name);
  const [request, extensions] = [join(directory, `${name}.csr`), join(directory, `${name}.ext`)];
  await writeFile(extensions, `subjectAltName=${alternativeName}\n`);
  await openssl("req", "-new", ...keyOptions, "-subj", `/CN=${name}`, "-keyout", files.key, "-out", request);
  await openssl(
    ...["x509", "-req", "-days", "2", "-in", request, "-extfile", extensions],
    ...["-CA", authority.certificate, "-CAkey", authority.key, "-CAcreateserial", "-out", files.certificate],
  );
  return files;
}

function filesIn(directory: string, name: string): CertificateFiles {
  return { certificate: join(directory, `${name}.crt`), key: join(directory, `${name}.key`) };
}

function out({ certificate, key }: CertificateFiles): string[] {
  return ["-keyout", key, "-out", certificate];
}

async function openssl(...args: string[]): Promise<void> {
  await execa(programPath("openssl"), args);
}
