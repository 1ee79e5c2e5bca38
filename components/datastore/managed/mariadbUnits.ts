import { writtenBy } from "../../host/writtenBy.ts";

/** The sockets on which systemd listens for MariaDB. */
export interface MariadbSocket {
  address: string;
  port: number;
}

/**
 * The socket unit: systemd itself listens, also while MariaDB restarts or has died. A client that connects meanwhile
 * waits, and is served a moment later, instead of being refused: K3s's servers never notice.
 */
export function renderMariadbSocket({ address, port }: MariadbSocket): string {
  const host = address.includes(":") ? `[${address}]` : address;
  return `# ${writtenBy}
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

/**
 * A drop-in that brings MariaDB back a moment after it died, not five seconds later, and however often; and that has it
 * stopped by the SQL in the file `stopPath`. When that fails, or the five seconds are over, systemd's signal ends MariaDB as ever.
 */
export function renderMariadbDropIn(stopPath: string): string {
  return `# ${writtenBy}
[Unit]
StartLimitIntervalSec=0

[Service]
RestartSec=200ms
ExecStop=-+/bin/sh -c 'kill -0 $MAINPID && exec timeout 5 mariadb --no-defaults --socket=/run/mysqld/mysqld.sock <${stopPath}'
`;
}

/**
 * What stops MariaDB without breaking off a statement: it waits, two seconds at most, for a moment without statements, and
 * closes the idle connections and the whole server in that moment. K3s answers a request whose connection broke with
 * an error; one that finds its connection closed opens another, which systemd's socket keeps until MariaDB is back.
 */
export function renderMariadbStop(): string {
  return `-- ${writtenBy}
DELIMITER //
BEGIN NOT ATOMIC
  DECLARE deadline DATETIME(6) DEFAULT SYSDATE(6) + INTERVAL 2 SECOND;
  DECLARE busy INT;
  REPEAT
    -- Between a statement that was prepared and its execution a connection sleeps too.
    SET busy = (SELECT COUNT(*) FROM information_schema.PROCESSLIST
        WHERE COMMAND NOT IN ('Sleep', 'Daemon', 'Binlog Dump') AND ID <> CONNECTION_ID())
      + (SELECT VARIABLE_VALUE FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME = 'PREPARED_STMT_COUNT');
    IF busy > 0 THEN DO SLEEP(0.0005); END IF;
  UNTIL busy = 0 OR SYSDATE(6) > deadline END REPEAT;
  FOR idle IN (SELECT ID FROM information_schema.PROCESSLIST WHERE COMMAND = 'Sleep' AND ID <> CONNECTION_ID()) DO
    EXECUTE IMMEDIATE CONCAT('KILL ', idle.ID);
  END FOR;
  SHUTDOWN;
END//
`;
}
