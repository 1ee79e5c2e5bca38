/** `tls:index/privateKey:PrivateKey`. */
import { createHash } from "node:crypto";
import { opensshPrivateKey } from "../../../components/host/opensshKey.ts";
import { generatedResource } from "../provider/generated.ts";
import type { CheckFailure } from "../provider/resource.ts";
import { textOf } from "../provider/value.ts";
import { curveNames, generateKey, privateKeyPem, publicHalf, publicKeyDer, type Algorithm } from "./keys.ts";
import { opensshPublicKey, supportsOpenssh } from "./openssh.ts";

const secret = ["privateKeyOpenssh", "privateKeyPem", "privateKeyPemPkcs8"];

/** The resource type. */
export const privateKey = generatedResource({
  defaults: { ecdsaCurve: "P224", rsaBits: 2048 },
  computed: [...secret, "publicKeyFingerprintMd5", "publicKeyFingerprintSha256", "publicKeyOpenssh", "publicKeyPem"],
  secret,
  validate(inputs) {
    return [
      ...oneOf(inputs["algorithm"], "algorithm", "algorithm", ["RSA", "ECDSA", "ED25519"]),
      ...oneOf(inputs["ecdsaCurve"], "ecdsaCurve", "ecdsa_curve", curveNames),
    ];
  },
  async generate(inputs) {
    const key = await generateKey(
      inputs["algorithm"] as Algorithm,
      Number(inputs["rsaBits"]),
      textOf(inputs["ecdsaCurve"]),
    );
    const openssh = opensshPublicKey(key);
    return {
      id: createHash("sha1").update(publicKeyDer(key)).digest("hex"),
      outputs: {
        privateKeyOpenssh: supportsOpenssh(key) ? opensshPrivateKey(key, "") : "",
        privateKeyPem: privateKeyPem(key),
        privateKeyPemPkcs8: key.export({ format: "pem", type: "pkcs8" }).toString(),
        publicKeyFingerprintMd5: openssh.md5,
        publicKeyFingerprintSha256: openssh.sha256,
        publicKeyOpenssh: openssh.line,
        publicKeyPem: publicHalf(key).export({ format: "pem", type: "spki" }).toString(),
      },
    };
  },
});

function oneOf(value: unknown, property: string, attribute: string, accepted: string[]): CheckFailure[] {
  if (accepted.includes(value as string)) return [];
  const known = accepted.map((name) => JSON.stringify(name)).join(" ");
  const reason = `Invalid Attribute Value Match. Attribute ${attribute} value must be one of: [${known}], got: ${JSON.stringify(value)}`;
  return [{ property, reason }];
}
