/** What the datastore's host tells of the datastore and of its backups. */

/**
 * A script for the datastore's host. It prints two lines: the database with its version, and how a client that
 * verifies certificates reaches it; then the newest backup's manifest, or nothing.
 */
export const datastoreReportScript = `set -euo pipefail
version=$(mariadb --batch --skip-column-names --execute 'SELECT VERSION()')
address=$(mariadb --batch --skip-column-names --execute 'SELECT @@bind_address')
port=$(mariadb --batch --skip-column-names --execute 'SELECT @@port')
tls=$(openssl s_client -connect "$address:$port" -starttls mysql -CAfile /etc/mysql/k3s-ha/ca.crt -verify_return_error -verify_ip "$address" -brief 2>&1 </dev/null | sed -nE 's/^Protocol version: //p') || tls=
clients=$(mariadb --batch --skip-column-names --execute "SELECT COUNT(DISTINCT SUBSTRING_INDEX(HOST, ':', 1)) FROM information_schema.PROCESSLIST WHERE USER = 'k3s'")
printf 'MariaDB %s at %s:%s, %s, in use by %s servers\\n' "\${version%%-*}" "$address" "$port" "\${tls:+$tls verified}" "$clients"
k3s-ha-backup latest --json
`;

/** The report's two halves. */
export function parseDatastoreReport(text: string): { datastore: string; backup: string } {
  const [datastore = "", ...manifest] = text.trim().split("\n");
  return { datastore, backup: describeBackup(manifest.join("\n")) };
}

function describeBackup(manifest: string): string {
  if (manifest.trim() === "") return "none yet";
  const { id, rows, finished } = JSON.parse(manifest) as { id?: string; rows?: number; finished?: string };
  return `${id ?? "?"}: ${rows ?? "?"} rows, restored into a scratch server and checked${finished === undefined ? "" : ` (${finished})`}`;
}
