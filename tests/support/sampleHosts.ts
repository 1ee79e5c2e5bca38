/** Hosts as a configuration has them, for tests that never reach one. */
import * as pulumi from "@pulumi/pulumi";
import type { HostArgs } from "../../components/host/host.ts";

/** A public SSH key in its wire format, of zeros: it parses, but no host has it. */
export const sampleHostKey = `ssh-ed25519 ${wireString("ssh-ed25519", "\0".repeat(32))}`;

/** What stands in a private key's place; tests look for it where it must not be. */
export const sampleSshKey = ["BEGIN PRIVATE KEY", "U0FNUExFIFNTSCBLRVk=", "END PRIVATE KEY"]
  .map((line) => (line.includes(" ") ? `-----${line}-----` : line))
  .join("\n");

/** A host of the sandbox's network, logged in to as root. */
export function sampleHost(lastByte: number, changes: Partial<HostArgs> = {}): HostArgs {
  return {
    address: `198.51.100.${lastByte}`,
    hostKey: sampleHostKey,
    privateKey: pulumi.secret(sampleSshKey),
    ...changes,
  };
}

function wireString(...fields: string[]): string {
  const parts = fields.flatMap((field) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(field.length);
    return [length, Buffer.from(field, "latin1")];
  });
  return Buffer.concat(parts).toString("base64");
}
