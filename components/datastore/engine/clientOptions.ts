import { optionValue } from "./backupOptionFile.ts";

/** Connection options for the MariaDB clients. */
export interface ClientLogin {
  address: string;
  port: number;
  user: string;
  password: string;
}

/** The option file of the MariaDB clients, read from a descriptor and never from a disk. */
export function renderClientOptions(login: ClientLogin): string {
  return `[client]
protocol=tcp
host=${optionValue(login.address)}
port=${login.port}
user=${optionValue(login.user)}
password=${optionValue(login.password)}
`;
}
