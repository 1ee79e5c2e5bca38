/** `tls:index/locallySignedCert:LocallySignedCert`. */
import { generatedResource } from "../provider/generated.ts";
import { textOf } from "../provider/value.ts";
import { isAuthority, issue, parseCertificate } from "./certificate.ts";
import { algorithmOf } from "./keys.ts";
import { dueForRenewal } from "./renewal.ts";
import { parseRequest } from "./request.ts";
import { certificateFailures, givenKey, keyFailures, readKey, reading } from "./validation.ts";

/** The resource type. */
export const locallySignedCert = generatedResource({
  defaults: { earlyRenewalHours: 0, isCaCertificate: false, readyForRenewal: false, setSubjectKeyId: false },
  computed: ["certPem", "caKeyAlgorithm", "validityStartTime", "validityEndTime"],
  secret: ["caPrivateKeyPem"],
  writeOnly: ["caPrivateKeyPemWo"],
  updatable: ["earlyRenewalHours"],
  expired: dueForRenewal,
  expiredOutput: "readyForRenewal",
  validate: (inputs) => [
    ...certificateFailures(inputs),
    ...keyFailures(inputs, "caPrivateKeyPem", "ca_private_key_pem"),
  ],
  generate(inputs, step) {
    const request = reading("certificate request PEM", () => parseRequest(textOf(inputs["certRequestPem"])));
    const key = readKey(givenKey(inputs, "caPrivateKeyPem"), "CA private key PEM");
    const certificate = reading("CA certificate PEM", () => parseCertificate(textOf(inputs["caCertPem"])));
    if (!isAuthority(certificate)) {
      step.log.line(
        "warning",
        "Potentially Invalid Certificate Authority: Certificate provided as Authority does not appear to be a valid " +
          "Certificate Authority. The resulting certificate might fail certificate validation.",
      );
    }
    const issued = issue(
      {
        ...request,
        allowedUses: (inputs["allowedUses"] ?? []) as string[],
        validityHours: Number(inputs["validityPeriodHours"]),
        isCa: inputs["isCaCertificate"] === true,
        maxPathLength: inputs["maxPathLength"] as number | undefined,
        setSubjectKeyId: inputs["setSubjectKeyId"] === true,
        setAuthorityKeyId: false,
      },
      { key, certificate },
    );
    const { pem, serial, start, end } = issued;
    const outputs = {
      certPem: pem,
      caKeyAlgorithm: algorithmOf(key),
      validityStartTime: start,
      validityEndTime: end,
    };
    return { id: serial, outputs };
  },
});
