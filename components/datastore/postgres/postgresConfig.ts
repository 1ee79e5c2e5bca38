import { writtenBy } from "../../host/writtenBy.ts";

/** Directory of the server's certificates, `server.crt` and `server.key`, its CA, `ca.crt`, and its `pg_hba.conf`. */
export const postgresDirectory = "/etc/k3s-ha/postgres";

/** The program's settings of a managed PostgreSQL server. */
export interface PostgresConfig {
  /** The only address that the server listens on. */
  address: string;
  port: number;
  /** K3s servers that connect. */
  servers: number;
  /** Connections that each of them may hold. */
  connectionsPerServer: number;
  /** Directory with `server.crt`, `server.key` and `pg_hba.conf`. */
  directory: string;
}

/** Room beside the servers: a restarting server's old connections, the backup, people. */
const spareConnections = 30;

/** PostgreSQL takes another number at a restart only, so it has them in steps: six servers with 60 each fit in the first. */
const connectionStep = 500;

/** `max_connections` that leaves every server its connections, a third more for a rolling restart, and some to spare. */
export function postgresConnections({
  servers,
  connectionsPerServer,
}: Pick<PostgresConfig, "servers" | "connectionsPerServer">): number {
  const needed = Math.ceil(servers * connectionsPerServer * 1.3) + spareConnections;
  return Math.ceil(needed / connectionStep) * connectionStep;
}

/** The drop-in file for the cluster's `conf.d`. The size of its cache is the host's, which its script writes beside it. */
export function renderPostgresConfig(config: PostgresConfig): string {
  return `# ${writtenBy}
listen_addresses = '${config.address}'
port = ${config.port}
max_connections = ${postgresConnections(config)}

# Nobody speaks to this server in the clear: every line for the network in this file is "hostssl".
hba_file = '${config.directory}/pg_hba.conf'
ssl = on
ssl_cert_file = '${config.directory}/server.crt'
ssl_key_file = '${config.directory}/server.key'
ssl_min_protocol_version = 'TLSv1.2'
password_encryption = 'scram-sha-256'
# A missing reverse DNS entry would cost seconds per connection.
log_hostname = off

# No acknowledged write is lost in a power cut.
fsync = on
synchronous_commit = on
full_page_writes = on

# K3s replaces and deletes the rows of one table without pause: what is dead in it is removed early and in small parts.
autovacuum = on
autovacuum_naptime = 15s
autovacuum_vacuum_scale_factor = 0.05
autovacuum_vacuum_insert_scale_factor = 0.05
autovacuum_analyze_scale_factor = 0.05
# A transaction that is forgotten keeps every dead row. K3s's own end within seconds.
idle_in_transaction_session_timeout = 5min
# A client that lost power does not keep its connection.
tcp_keepalives_idle = 15
tcp_keepalives_interval = 5
tcp_keepalives_count = 4
`;
}
