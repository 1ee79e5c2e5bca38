/** Where systemd listens for MariaDB. */
export interface MariadbSocket {
  address: string;
  port: number;
}

/**
 * The socket unit: systemd itself listens, and goes on while MariaDB restarts or has died. Whoever connects meanwhile
 * waits, and is served a moment later, instead of being refused: K3s's servers never notice.
 */
export function renderMariadbSocket({ address, port }: MariadbSocket): string {
  const host = address.includes(":") ? `[${address}]` : address;
  return `# Written by k3s-ha; changes made here are overwritten.
[Unit]
Description=MariaDB's sockets
# However often it died: the socket stays.
StartLimitIntervalSec=0

[Socket]
SocketUser=mysql
ListenStream=/run/mysqld/mysqld.sock
ListenStream=${host}:${port}
# The address may come later than systemd.
FreeBind=true
Backlog=1024
TriggerLimitIntervalSec=0

[Install]
WantedBy=sockets.target
`;
}

/** A drop-in that brings MariaDB back a moment after it died, not five seconds later, and however often. */
export function renderMariadbDropIn(): string {
  return `# Written by k3s-ha; changes made here are overwritten.
[Unit]
StartLimitIntervalSec=0

[Service]
RestartSec=200ms
`;
}
