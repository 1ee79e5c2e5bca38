import { writtenBy } from "../../host/writtenBy.ts";

/** Directory of the server's certificates, `ca.crt`, `server.crt` and `server.key`. */
export const mariadbTlsDirectory = "/etc/mysql/k3s-ha";

/** The program's settings of a managed MariaDB server. */
export interface MariadbConfig {
  /** The only address that the server listens on. */
  address: string;
  port: number;
  /** K3s servers that connect. */
  servers: number;
  /** Connections that each of them may hold. */
  connectionsPerServer: number;
  /** Directory with `ca.crt`, `server.crt` and `server.key`. */
  tlsDirectory: string;
}

/** Room beside the servers: a restarting server's old connections, the backup, people. */
const spareConnections = 30;

/** `max_connections` that leaves every server its connections, a third more for a rolling restart, and some to spare. */
export function maxConnections({
  servers,
  connectionsPerServer,
}: Pick<MariadbConfig, "servers" | "connectionsPerServer">): number {
  return Math.ceil(servers * connectionsPerServer * 1.3) + spareConnections;
}

/** The drop-in file for `/etc/mysql/mariadb.conf.d/`. */
export function renderMariadbConfig(config: MariadbConfig): string {
  return `# ${writtenBy}
[mariadbd]
bind-address = ${config.address}
port = ${config.port}

# Nobody speaks to this server in the clear; the local socket stays open to root.
ssl_ca = ${config.tlsDirectory}/ca.crt
ssl_cert = ${config.tlsDirectory}/server.crt
ssl_key = ${config.tlsDirectory}/server.key
tls_version = TLSv1.2,TLSv1.3
require_secure_transport = ON

# A missing reverse DNS entry would cost ten seconds per connection; users are granted by address.
skip-name-resolve

max_connections = ${maxConnections(config)}
# A probe or a scan that does not log in must never lead to a server being locked out.
max_connect_errors = 1000000
max_allowed_packet = 64M
character-set-server = utf8mb4
collation-server = utf8mb4_unicode_ci

# No acknowledged write is lost in a power cut.
innodb_flush_log_at_trx_commit = 1
# No log_bin: nothing of the cluster reads a binary log, and it would fill the disk.

# With snapshot isolation, the default since 11.6.2, K3s cannot compact its table and it grows for ever.
loose_innodb_snapshot_isolation = OFF
# K3s needs one number after the other.
auto_increment_increment = 1
auto_increment_offset = 1
`;
}
