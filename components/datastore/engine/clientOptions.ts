import { optionValue } from "./backupOptionFile.ts";

/** Whom the MariaDB clients log in to, and as whom. */
export interface ClientLogin {
  address: string;
  port: number;
  user: string;
  password: string;
}

/** What the MariaDB clients read as an option file, from a descriptor and never from a disk. */
export function renderClientOptions(login: ClientLogin): string {
  return `[client]
protocol=tcp
host=${optionValue(login.address)}
port=${login.port}
user=${optionValue(login.user)}
password=${optionValue(login.password)}
`;
}
