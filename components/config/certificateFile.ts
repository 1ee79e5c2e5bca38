import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { certificatesIn } from "../identity/pemCertificates.ts";
import { absolutePath, fileFault, type Surroundings, unreadableFault, unresolvableFault } from "./filePath.ts";

/** Certificates as PEM, or why they cannot be used, with the remedy. */
export type Certificates = { readonly pem: string } | { readonly fault: string };

/** Reads a file of one or more certificates. All of them have to be valid at `now`. */
export function readCertificateFile(path: string, surroundings: Surroundings, now: Date): Certificates {
  const resolved = absolutePath(path, surroundings);
  if (resolved === undefined) return { fault: unresolvableFault(path) };
  let text: string;
  try {
    text = readFileSync(resolved, "utf8");
  } catch (error) {
    return { fault: unreadableFault(path, resolved, error) };
  }
  const fault = certificatesFault(text, now);
  return fault === undefined
    ? { pem: `${certificatesIn(text).join("\n")}\n` }
    : { fault: fileFault(path, resolved, `a file ${fault}`) };
}

function certificatesFault(text: string, now: Date): string | undefined {
  const certificates = certificatesIn(text);
  if (certificates.length === 0) {
    return "without a certificate: name the file with the PEM text that starts with -----BEGIN CERTIFICATE-----";
  }
  for (const pem of certificates) {
    let end: string;
    try {
      end = new X509Certificate(pem).validTo;
    } catch {
      return "with a damaged certificate: copy it again";
    }
    if (Date.parse(end) < now.getTime()) {
      return `with a certificate that expired on ${new Date(end).toISOString().slice(0, 10)}: name the certificate that is in use`;
    }
  }
  return undefined;
}
