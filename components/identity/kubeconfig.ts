/** The API that a kubeconfig reaches, and its credentials. */
export interface Kubeconfig {
  /** Name of the cluster, the user and the context. */
  name: string;
  /** `https://address:port` of the API. */
  server: string;
  /** PEM of the CA that the API is verified with. */
  caCertificate: string;
  /** PEM of the client's certificate and key. */
  clientCertificate: string;
  clientKey: string;
}

/** A kubeconfig file, as JSON, which kubectl and every client library read as YAML. */
export function renderKubeconfig(config: Kubeconfig): string {
  const base64 = (text: string) => Buffer.from(text).toString("base64");
  const { name } = config;
  return `${JSON.stringify(
    {
      apiVersion: "v1",
      kind: "Config",
      clusters: [
        { name, cluster: { server: config.server, "certificate-authority-data": base64(config.caCertificate) } },
      ],
      users: [
        {
          name,
          user: {
            "client-certificate-data": base64(config.clientCertificate),
            "client-key-data": base64(config.clientKey),
          },
        },
      ],
      contexts: [{ name, context: { cluster: name, user: name } }],
      "current-context": name,
    },
    undefined,
    2,
  )}\n`;
}
