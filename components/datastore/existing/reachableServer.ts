import { connect } from "node:net";
import * as pulumi from "@pulumi/pulumi";

/** Seconds that a connection may take. */
const connectSeconds = 10;

/**
 * A hook that ends the run with a sentence when the database server cannot be reached from here, before the mysql plugin tries for
 * five minutes. It connects once in a run.
 */
export function requireReachableServer(
  name: string,
  { address, port, remedy }: { address: string; port: number; remedy: string },
  parent: pulumi.Resource,
): pulumi.ResourceHook {
  let asked: Promise<void> | undefined;
  return new pulumi.ResourceHook(name, () => {
    asked ??= (async () => {
      const fault = await unreachableFault(address, port);
      if (fault === undefined) return;
      await pulumi.log.error(
        `the database server at ${address}:${port} cannot be reached from the machine that Pulumi runs on (${fault}). ${remedy}`,
        parent,
      );
      throw new Error("The database server cannot be reached. Nothing was changed on it.");
    })();
    return asked;
  });
}

/** Why there is no TCP connection to a server, or undefined. */
export function unreachableFault(host: string, port: number, seconds = connectSeconds): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (fault?: string) => {
      socket.destroy();
      resolve(fault);
    };
    socket.setTimeout(seconds * 1000, () => {
      end(`no answer within ${seconds} s`);
    });
    socket.once("connect", () => {
      end();
    });
    socket.once("error", (error: NodeJS.ErrnoException) => {
      end(error.code ?? error.message);
    });
  });
}
