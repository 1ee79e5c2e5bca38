import { balancerStatePort } from "./balancerState.ts";
import { writtenBy } from "../host/writtenBy.ts";

/** HAProxy's frontends and the servers that it sends clients to. */
export interface HaproxyConfig {
  /** Port that the Kubernetes API is offered on, on every address of the host. */
  port: number;
  /** Whether those addresses are IPv6 ones too. */
  ipv6: boolean;
  /** Address ("host:port") of each server's API, by name. */
  servers: Readonly<Record<string, string>>;
  /** Connections at the same time; each takes two file descriptors. */
  maxConnections: number;
  /** Seconds after which a connection is closed that nothing was sent on, either way. */
  idleSeconds: number;
  /** PEM file with the certificate and key that readiness checks are made with. */
  healthCertificatePath: string;
  /** PEM file of the CA that signs what servers show. */
  serverCaPath: string;
  /** "host:port" that the statistics page and the Prometheus metrics are served on. */
  statsAddress: string;
}

/** HAProxy's socket for `show info`, `show stat` and commands. */
export const haproxySocket = "/run/haproxy/k3s-ha.sock";

/**
 * `haproxy.cfg`. TCP all the way, so that client certificates reach the API server. A server takes traffic only while
 * an authenticated `GET /readyz` answers 200: neither an open port nor a 401 shows that it works.
 *
 * A server that says that it is not ready gets no new clients and keeps those that it has; only of one that gives no
 * answer the connections are closed. When none is ready, as with a datastore that hangs, clients go to those that
 * are alive: what these have in memory, watches above all, works on, and what does not is answered by the API itself.
 *
 * The times were measured on real K3s with a fresh connection every 100 ms: a graceful restart fails none, a power cut
 * is over after about a second. Beside that, every server reports whether it is about to restart (balancerState.ts): one
 * that is gets no new clients, and one that does not answer is judged by its readiness alone. `revision` comes back in `show info`, and shows which configuration is served.
 */
export function renderHaproxyConfig(config: HaproxyConfig, revision: string): string {
  const servers = Object.entries(config.servers)
    .map(([name, address]) => `  server ${name} ${address}`)
    .join("\n");
  const check = `check check-ssl check-alpn http/1.1 check-sni kubernetes verify required verifyhost kubernetes ca-file ${config.serverCaPath} crt ${config.healthCertificatePath} inter 1s fastinter 300ms downinter 300ms fall 2 rise 2 on-marked-down shutdown-sessions`;
  return `# ${writtenBy}
global
  description k3s-ha ${revision}
  log /dev/log local0
  user haproxy
  group haproxy
  maxconn ${config.maxConnections}
  stats socket ${haproxySocket} mode 660 level admin
  # Old processes live as long as their longest session; after this they are ended.
  hard-stop-after 30m

defaults
  log global
  mode tcp
  option tcplog
  option dontlognull
  option clitcpka
  option srvtcpka
  # A connection that a server refuses or does not take within a second goes to another.
  option redispatch 1
  retries 3
  timeout connect 1s
  timeout check 1s
  timeout client 1h
  timeout server 1h
  # Idle "kubectl exec", "logs -f" and watches.
  timeout tunnel ${config.idleSeconds}s
  timeout client-fin 30s
  timeout server-fin 30s

frontend kubernetes-api
  bind ${config.ipv6 ? `:::${config.port} v4v6` : `:${config.port}`}
  use_backend alive if { nbsrv(servers) eq 0 } { nbsrv(alive) gt 0 }
  default_backend servers

backend servers
  balance leastconn
  # A server that does not reach its datastore says so after four seconds; one that is dead takes no connection.
  timeout check 6s
  option httpchk
  http-check send meth GET uri /readyz ver HTTP/1.1 hdr Host kubernetes
  http-check expect status 200 error-status L7OKC
  default-server ${check} agent-check agent-port ${balancerStatePort} agent-inter 500ms
${servers}

backend alive
  balance leastconn
  option httpchk
  http-check send meth GET uri /livez?exclude=etcd ver HTTP/1.1 hdr Host kubernetes
  http-check expect status 200
  default-server ${check}
${servers}

frontend stats
  mode http
  bind ${config.statsAddress}
  timeout client 10s
  http-request use-service prometheus-exporter if { path /metrics }
  stats enable
  stats uri /
`;
}
