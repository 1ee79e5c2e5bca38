/** The `subject` input, and distinguished names in the order in which Go writes them. */
import { AttributeTypeAndValue, AttributeValue, Name, RelativeDistinguishedName } from "@peculiar/asn1-x509";
import { isMap, type PropertyMap, type Value } from "../provider/value.ts";

/** Attributes in Go's order: by input name. */
const attributes: [string, string][] = [
  ["country", "2.5.4.6"],
  ["organization", "2.5.4.10"],
  ["organizationalUnit", "2.5.4.11"],
  ["locality", "2.5.4.7"],
  ["province", "2.5.4.8"],
  ["streetAddresses", "2.5.4.9"],
  ["postalCode", "2.5.4.17"],
  ["commonName", "2.5.4.3"],
  ["serialNumber", "2.5.4.5"],
];
const emailAddress = "1.2.840.113549.1.9.1";

/** The name for a `subject` input; empty without one. */
export function nameOf(subject: Value | undefined): Name {
  const given: PropertyMap = isMap(subject) ? subject : {};
  const parts = attributes.map(([input, type]) => relativeName(type, texts(given[input]).map(directoryString)));
  const email = texts(given["emailAddress"]).map((ia5String) => new AttributeValue({ ia5String }));
  return new Name([...parts, relativeName(emailAddress, email)].filter((part) => part.length > 0));
}

/** `name` as Go writes it after reading it: known attributes only, in its own order. */
export function normalized(name: Name): Name {
  const all = [...name].flatMap((part) => [...part]);
  const parts = attributes.map(([, type]) =>
    relativeName(
      type,
      all.filter((one) => one.type === type).map((one) => directoryString(one.value.toString())),
    ),
  );
  return new Name(parts.filter((part) => part.length > 0));
}

function relativeName(type: string, values: AttributeValue[]): RelativeDistinguishedName {
  return new RelativeDistinguishedName(values.map((value) => new AttributeTypeAndValue({ type, value })));
}

/** PrintableString where its small alphabet suffices, else UTF8String. */
function directoryString(text: string): AttributeValue {
  return /^[A-Za-z0-9 '()+,\-./:=?]*$/.test(text)
    ? new AttributeValue({ printableString: text })
    : new AttributeValue({ utf8String: text });
}

function texts(value: Value | undefined): string[] {
  const all = Array.isArray(value) ? value : [value];
  return all.filter((one): one is string => typeof one === "string" && one !== "");
}
