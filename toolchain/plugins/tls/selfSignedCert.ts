/** `tls:index/selfSignedCert:SelfSignedCert`. */
import { generatedResource } from "../provider/generated.ts";
import { alternativeNames } from "./alternativeNames.ts";
import { issue } from "./certificate.ts";
import { nameOf } from "./distinguishedName.ts";
import { algorithmOf } from "./keys.ts";
import { dueForRenewal } from "./renewal.ts";
import { certificateFailures, givenKey, keyFailures, readKey } from "./validation.ts";

/** The resource type. */
export const selfSignedCert = generatedResource({
  defaults: {
    earlyRenewalHours: 0,
    isCaCertificate: false,
    readyForRenewal: false,
    setAuthorityKeyId: false,
    setSubjectKeyId: false,
  },
  computed: ["certPem", "keyAlgorithm", "validityStartTime", "validityEndTime"],
  secret: ["privateKeyPem"],
  writeOnly: ["privateKeyPemWo"],
  updatable: ["earlyRenewalHours"],
  expired: dueForRenewal,
  expiredOutput: "readyForRenewal",
  validate: (inputs) => [...certificateFailures(inputs), ...keyFailures(inputs, "privateKeyPem", "private_key_pem")],
  generate(inputs) {
    const key = readKey(givenKey(inputs, "privateKeyPem"), "private key PEM");
    const issued = issue(
      {
        subject: nameOf(inputs["subject"]),
        key,
        alternativeNames: alternativeNames(inputs),
        allowedUses: (inputs["allowedUses"] ?? []) as string[],
        validityHours: Number(inputs["validityPeriodHours"]),
        isCa: inputs["isCaCertificate"] === true,
        maxPathLength: inputs["maxPathLength"] as number | undefined,
        setSubjectKeyId: inputs["setSubjectKeyId"] === true,
        setAuthorityKeyId: inputs["setAuthorityKeyId"] === true,
      },
      { key },
    );
    const { pem, serial, start, end } = issued;
    const outputs = {
      certPem: pem,
      keyAlgorithm: algorithmOf(key),
      validityStartTime: start,
      validityEndTime: end,
    };
    return { id: serial, outputs };
  },
});
