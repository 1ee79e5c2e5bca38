/** Commands, random values and certificates, varied by configuration. */
import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import * as tls from "@pulumi/tls";

const config = new pulumi.Config();
const log = config.require("log");
const trigger = config.get("trigger");

const password = new random.RandomPassword("password", {
  length: 24,
  special: false,
  keepers: { generation: config.get("generation") ?? "1" },
});

const key = new tls.PrivateKey("authority", { algorithm: "ECDSA", ecdsaCurve: "P256" });
const authority = new tls.SelfSignedCert("authority", {
  privateKeyPem: key.privateKeyPem,
  isCaCertificate: true,
  setSubjectKeyId: true,
  allowedUses: ["cert_signing", "crl_signing", "digital_signature"],
  validityPeriodHours: 100,
  earlyRenewalHours: config.getNumber("earlyRenewalHours") ?? 1,
  subject: { commonName: "authority" },
});
const request = new tls.CertRequest("server", {
  privateKeyPem: key.privateKeyPem,
  subject: { commonName: "server" },
  ipAddresses: ["192.0.2.1"],
});
const server = new tls.LocallySignedCert("server", {
  certRequestPem: request.certRequestPem,
  caCertPem: authority.certPem,
  caPrivateKeyPem: key.privateKeyPem,
  allowedUses: ["server_auth", "digital_signature"],
  validityPeriodHours: 50,
});

const connection = {
  host: "127.0.0.1",
  port: config.requireNumber("port"),
  user: config.require("user"),
  privateKey: config.requireSecret("privateKey"),
  hostKey: config.require("hostKey"),
  dialErrorLimit: 1,
  perDialTimeout: config.getNumber("perDialTimeout") ?? 5,
};
const step = new command.remote.Command("step", {
  connection,
  create: `echo c >>${log}; echo ${config.get("word") ?? "hello"}; echo shown >&2`,
  update: `echo u >>${log}; echo ${config.get("word") ?? "hello"}`,
  delete: `echo d >>${log}`,
  stdin: password.result,
  ...(trigger === undefined ? {} : { triggers: [trigger] }),
});
const dependent = new command.remote.Command(
  "dependent",
  {
    connection,
    create: config.getBoolean("fail") ? "echo boom; exit 3" : "wc -c",
    stdin: server.certPem,
    logging: "none",
    addPreviousOutputInEnv: false,
  },
  { dependsOn: step, additionalSecretOutputs: ["stdout", "stderr"] },
);

export const stdout = step.stdout;
export const hidden = dependent.stdout;
export const certificate = server.certPem;
