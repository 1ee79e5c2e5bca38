import { writtenBy } from "../../host/writtenBy.ts";

/** The login of a backup at the datastore. */
export interface BackupLogin {
  /** The name or address that the datastore's certificate is for. */
  address: string;
  port: number;
  user: string;
  password: string;
  /** Path of the CA, as PEM, that the datastore's certificate is checked against. */
  caPath: string;
}

/**
 * The option file of MariaDB's and MySQL's clients; it holds the password. MariaDB's check the certificate by this file
 * and not by their own defaults, which changed with 11.4; MySQL's do not know that option, and are told otherwise.
 */
export function renderBackupOptionFile(login: BackupLogin): string {
  return `# ${writtenBy}
[client]
protocol=tcp
host=${optionValue(login.address)}
port=${login.port}
user=${optionValue(login.user)}
password=${optionValue(login.password)}
ssl-ca=${optionValue(login.caPath)}

[client-mariadb]
ssl-verify-server-cert
`;
}

/** A quoted value: a bare one would end at a "#", and lose its backslashes and outer spaces. */
export function optionValue(text: string): string {
  if (text.includes("\0")) throw new Error("a value of an option file cannot hold a NUL character");
  const escapes: Readonly<Record<string, string>> = { "\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t" };
  return `"${text.replace(/[\\"\n\r\t]/g, (character) => escapes[character] ?? character)}"`;
}
