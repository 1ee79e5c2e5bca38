/** Subject alternative names: the `dnsNames`, `ipAddresses` and `uris` inputs. */
import { isIP } from "node:net";
import { AsnConvert, OctetString } from "@peculiar/asn1-schema";
import { Extension, GeneralName, GeneralNames, id_ce_subjectAltName } from "@peculiar/asn1-x509";
import type { PropertyMap } from "../provider/value.ts";

/** The names of the inputs, in Go's order; undefined when there are none. Throws for an address that is none. */
export function alternativeNames(inputs: PropertyMap): GeneralNames | undefined {
  const listOf = (name: string): string[] => (inputs[name] ?? []) as string[];
  const names = [
    ...listOf("dnsNames").map((dNSName) => new GeneralName({ dNSName })),
    ...listOf("ipAddresses").map((address) => {
      if (isIP(address) === 0) throw new Error(`Invalid IP address: Failed to parse ${JSON.stringify(address)}`);
      return new GeneralName({ iPAddress: address });
    }),
    ...listOf("uris").map((uniformResourceIdentifier) => new GeneralName({ uniformResourceIdentifier })),
  ];
  return names.length === 0 ? undefined : new GeneralNames(names);
}

/** The extension; critical when there is no subject that could name the holder. */
export function alternativeNamesExtension(names: GeneralNames, critical: boolean): Extension {
  return new Extension({
    extnID: id_ce_subjectAltName,
    critical,
    extnValue: new OctetString(AsnConvert.serialize(names)),
  });
}

/** The names among these that a certificate takes over from a request: DNS names, addresses, URIs. */
export function takenOver(names: GeneralNames): GeneralNames | undefined {
  const kinds = ["dNSName", "iPAddress", "uniformResourceIdentifier"] as const;
  const kept = kinds.flatMap((kind) => [...names].filter((name) => name[kind] !== undefined));
  return kept.length === 0 ? undefined : new GeneralNames(kept);
}
