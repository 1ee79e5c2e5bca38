/** `tls:index/certRequest:CertRequest`. */
import { createHash } from "node:crypto";
import { generatedResource } from "../provider/generated.ts";
import { alternativeNames } from "./alternativeNames.ts";
import { nameOf } from "./distinguishedName.ts";
import { algorithmOf } from "./keys.ts";
import { toPem } from "./pem.ts";
import { makeRequest } from "./request.ts";
import { givenKey, keyFailures, readKey } from "./validation.ts";

/** The resource type. */
export const certRequest = generatedResource({
  defaults: {},
  computed: ["certRequestPem", "keyAlgorithm"],
  secret: ["privateKeyPem"],
  writeOnly: ["privateKeyPemWo"],
  validate: (inputs) => keyFailures(inputs, "privateKeyPem", "private_key_pem"),
  generate(inputs) {
    const key = readKey(givenKey(inputs, "privateKeyPem"), "private key PEM");
    const der = makeRequest(nameOf(inputs["subject"]), alternativeNames(inputs), key);
    return {
      id: createHash("sha1").update(Buffer.from(der)).digest("hex"),
      outputs: { certRequestPem: toPem("CERTIFICATE REQUEST", der), keyAlgorithm: algorithmOf(key) },
    };
  },
});
