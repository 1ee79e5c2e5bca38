import { connect } from "node:net";

/**
 * Why the SSH agent that the environment names keeps Pulumi from every host, or undefined. Pulumi's command plugin dials it for
 * each connection, also for one with a private key of its own.
 *
 * @param socket the value of SSH_AUTH_SOCK, as this program and the plugin both have it.
 */
export async function agentFault(socket: string | undefined): Promise<string | undefined> {
  if (socket === undefined || socket === "") return undefined;
  const code = await new Promise<string | undefined>((resolve) => {
    const connection = connect(socket);
    connection.once("connect", () => {
      connection.destroy();
      resolve(undefined);
    });
    connection.once("error", (error: NodeJS.ErrnoException) => {
      resolve(error.code ?? error.message);
    });
  });
  if (code === undefined) return undefined;
  return `SSH_AUTH_SOCK names ${socket}, where no SSH agent listens (${code}). Pulumi's command plugin then connects to no host, not even with a private key from the configuration. Start an SSH agent, or unset the variable with "unset SSH_AUTH_SOCK", and run up again.`;
}
