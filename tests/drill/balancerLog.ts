/**
 * Who answered a request, from the load balancers' own logs. The load balancer passes bytes on and changes none, so an answer does
 * not tell which server gave it; but HAProxy logs every connection with the client's port and the server it chose.
 */
import { endOf, type Sample } from "./sample.ts";

/** One connection, as HAProxy logged it when it was over. */
export interface LoggedConnection {
  /** When it was over; milliseconds since 1970. */
  endedAt: number;
  clientPort: number;
  frontend: string;
  /** Undefined when no server was there to choose. */
  server: string | undefined;
}

/** How far apart the end of a request and the load balancer's word of it may be, in milliseconds. */
const tolerance = 3000;

/** Reads `journalctl --output short-unix` of an HAProxy with `option tcplog`; lines of another kind are passed over. */
export function parseBalancerLog(journal: string): LoggedConnection[] {
  return journal.split("\n").flatMap((line) => {
    const [, seconds, port, frontend, server] =
      /^(\d+\.\d+) \S+ haproxy\[\d+\]: \S+:(\d+) \[[^\]]+\] (\S+) [^/\s]+\/(\S+) /.exec(line) ?? [];
    if (seconds === undefined || port === undefined || frontend === undefined) return [];
    return [
      {
        endedAt: Number(seconds) * 1000,
        clientPort: Number(port),
        frontend,
        server: server === "<NOSRV>" ? undefined : server,
      },
    ];
  });
}

/** The samples, each with the server that the load balancer gave it to. Ports are used again, so the time has to fit too. */
export function withServers(
  samples: readonly Sample[],
  connections: readonly LoggedConnection[],
  frontend: string,
): Sample[] {
  const byPort = Map.groupBy(
    connections.filter((connection) => connection.frontend === frontend),
    ({ clientPort }) => clientPort,
  );
  return samples.map((sample) => {
    const distance = ({ endedAt }: LoggedConnection) => Math.abs(endedAt - endOf(sample));
    const [nearest] = (byPort.get(sample.port ?? 0) ?? []).toSorted((a, b) => distance(a) - distance(b));
    if (nearest?.server === undefined || distance(nearest) > tolerance) return sample;
    return { ...sample, servedBy: nearest.server };
  });
}
