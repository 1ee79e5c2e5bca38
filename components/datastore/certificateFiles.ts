import * as pulumi from "@pulumi/pulumi";
import type { HostArgs } from "../host/host.ts";
import { HostCommand } from "../host/hostCommand.ts";
import { renderHostScript } from "../host/hostScript.ts";
import { hostScripts } from "../host/scripts.ts";
import type { DatastoreCertificate } from "./datastoreCertificate.ts";

/** The files of a datastore's certificate on its host. */
export interface CertificateFiles {
  readonly host: HostArgs;
  /** Their directory: "ca.crt" is there, with the certificate and its key. */
  readonly directory: string;
  /** The name of the certificate and of its key, without their endings. */
  readonly file: string;
  /** The user that the datastore runs as, and its group: the key is theirs. */
  readonly owner: string;
  /** The name of their revision on the host. */
  readonly revisionName: string;
  /** The unit that reads them. They stay while it stays. */
  readonly reader: string;
}

/** Places a datastore's certificate on its host. */
export function placeCertificate(
  name: string,
  { host, directory, file, owner, revisionName, reader }: CertificateFiles,
  { caCertificate, certificate, privateKey }: DatastoreCertificate,
  opts: pulumi.CustomResourceOptions,
): HostCommand {
  return new HostCommand(
    name,
    {
      host,
      script: pulumi.secret(
        pulumi.all([caCertificate, certificate, privateKey]).apply(([ca, cert, key]) =>
          renderHostScript({
            body: hostScripts.secretFiles,
            parts: [hostScripts.originals, hostScripts.optionalFiles],
            variables: { revision_name: revisionName, reader, paths: [], optional_paths: [], replaced_paths: [] },
            files: [
              { path: `${directory}/ca.crt`, content: ca },
              { path: `${directory}/${file}.crt`, content: cert },
              { path: `${directory}/${file}.key`, content: key, mode: "0600", owner: `${owner}:${owner}` },
            ],
          }),
        ),
      ),
    },
    opts,
  );
}
