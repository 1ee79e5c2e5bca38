import { writtenBy } from "../../host/writtenBy.ts";

/** The unit of a member, without its ending. The distribution's own is masked. */
export const etcdUnit = "k3s-ha-etcd";

/** Directory of a member's certificates and settings. */
export const etcdDirectory = "/etc/k3s-ha/etcd";

/** A member's settings, and what it is told at its first start. */
export const etcdConfigPath = `${etcdDirectory}/etcd.env`;
export const etcdInitialPath = `${etcdDirectory}/initial.env`;

/** Directory of a member's data; a disk may be mounted there. */
export const etcdDataDirectory = "/var/lib/k3s-ha-etcd";

/** The name in every member's certificate: who has another name cannot pose as a member. */
export const memberCommonName = "k3s-ha-etcd-member";

/** A member's settings. */
export interface EtcdConfig {
  /** The member's name: its host's. */
  name: string;
  /** The only address that it listens on. */
  address: string;
  /** Port for clients. */
  port: number;
  /** Port for the other members. */
  peerPort: number;
  /** GiB that the database may grow to. */
  quotaGibibytes: number;
}

/** The URL of a port of a host. */
export function etcdUrl(address: string, port: number): string {
  return `https://${address.includes(":") ? `[${address}]` : address}:${port}`;
}

/** A member's settings, as variables of its unit. */
export function renderEtcdConfig({ name, address, port, peerPort, quotaGibibytes }: EtcdConfig): string {
  const client = etcdUrl(address, port);
  const peer = etcdUrl(address, peerPort);
  return `# ${writtenBy}
ETCD_NAME=${name}
ETCD_DATA_DIR=${etcdDataDirectory}/data
ETCD_LISTEN_CLIENT_URLS=${client}
ETCD_ADVERTISE_CLIENT_URLS=${client}
ETCD_LISTEN_PEER_URLS=${peer}
ETCD_INITIAL_ADVERTISE_PEER_URLS=${peer}

# Nobody speaks to a member in the clear, or without a certificate of this etcd's own authority.
ETCD_TRUSTED_CA_FILE=${etcdDirectory}/ca.crt
ETCD_CERT_FILE=${etcdDirectory}/member.crt
ETCD_KEY_FILE=${etcdDirectory}/member.key
ETCD_CLIENT_CERT_AUTH=true
ETCD_PEER_TRUSTED_CA_FILE=${etcdDirectory}/ca.crt
ETCD_PEER_CERT_FILE=${etcdDirectory}/member.crt
ETCD_PEER_KEY_FILE=${etcdDirectory}/member.key
ETCD_PEER_CLIENT_CERT_AUTH=true
ETCD_PEER_CERT_ALLOWED_CN=${memberCommonName}

# Beyond it etcd refuses every write, until space was made and the alarm is disarmed.
ETCD_QUOTA_BACKEND_BYTES=${quotaGibibytes * 1024 ** 3}
# A member whose data differ from those of the others does not serve them.
ETCD_EXPERIMENTAL_INITIAL_CORRUPT_CHECK=true
`;
}

/** A member's unit. It comes back however often it died, and does not start before the member was formed or has joined. */
export function renderEtcdUnit(): string {
  return `# ${writtenBy}
[Unit]
Description=etcd of k3s-ha
Documentation=https://etcd.io/docs/v3.5/
After=network-online.target
Wants=network-online.target
ConditionPathExists=${etcdDirectory}/initial.env
StartLimitIntervalSec=0

[Service]
User=etcd
EnvironmentFile=${etcdDirectory}/etcd.env
EnvironmentFile=${etcdDirectory}/initial.env
ExecStart=/usr/bin/etcd
StateDirectory=k3s-ha-etcd
StateDirectoryMode=0700
Restart=always
RestartSec=1s
LimitNOFILE=65536
OOMScoreAdjust=-900

[Install]
WantedBy=multi-user.target
`;
}
