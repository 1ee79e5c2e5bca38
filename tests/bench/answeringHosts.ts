/** An SSH server on all loopback addresses, which stands for thousands of hosts: it passes every check, and does nothing. */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import ssh2 from "ssh2";

/** Hosts that answer, at any address of 127.0.0.0/8. */
export interface AnsweringHosts {
  readonly port: number;
  /** The public key that they all show, as in authorized_keys. */
  readonly hostKey: string;
  /** A private key that they let in: they let in any. */
  readonly privateKey: string;
  /** How many logins there were. */
  readonly logins: () => number;
  stop(): void;
}

export async function startAnsweringHosts(): Promise<AnsweringHosts> {
  const own = ssh2.utils.generateKeyPairSync("ed25519");
  const login = ssh2.utils.generateKeyPairSync("ed25519");
  let logins = 0;
  const server = new ssh2.Server({ hostKeys: [own.private] }, (client) => {
    client.on("authentication", (context) => {
      context.accept();
    });
    client.on("ready", () => logins++);
    client.on("session", (accept) => {
      accept().on("exec", (acceptExec) => {
        const channel = acceptExec();
        channel.on("end", () => {
          // What the check of a host prints that finds nothing.
          channel.write(`clock\t${(Date.now() / 1000).toFixed(3)}\nend\n`);
          channel.exit(0);
          channel.end();
        });
        channel.resume();
      });
    });
    // A client that has what it wanted hangs up.
    client.on("error", () => undefined);
  });
  server.listen(0, "0.0.0.0");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    hostKey: own.public.split(" ").slice(0, 2).join(" "),
    privateKey: login.private,
    logins: () => logins,
    stop: () => server.close(),
  };
}
