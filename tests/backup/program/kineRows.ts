import { createHash, createCipheriv, randomBytes, pbkdf2Sync } from "node:crypto";

/** A row of kine's table. */
export interface KineRow {
  id: number;
  name: string;
  created: 0 | 1;
  deleted: 0 | 1;
  createRevision: number | null;
  prevRevision: number;
  value: Buffer;
  oldValue: Buffer | null;
}

/** kine's own schema for MySQL and MariaDB, with its indexes. */
export const kineSchema = `
CREATE TABLE IF NOT EXISTS kine (
  id BIGINT UNSIGNED AUTO_INCREMENT,
  name VARCHAR(630) CHARACTER SET ascii,
  created INTEGER,
  deleted INTEGER,
  create_revision BIGINT UNSIGNED,
  prev_revision BIGINT UNSIGNED,
  lease INTEGER,
  value MEDIUMBLOB,
  old_value MEDIUMBLOB,
  PRIMARY KEY (id)
);
CREATE INDEX kine_name_index ON kine (name);
CREATE INDEX kine_name_id_index ON kine (name,id);
CREATE INDEX kine_id_deleted_index ON kine (id,deleted);
CREATE INDEX kine_prev_revision_index ON kine (prev_revision);
CREATE UNIQUE INDEX kine_name_prev_revision_uindex ON kine (name, prev_revision);
`;

/**
 * What K3s leaves in a fresh datastore, in small: the compaction mark, the lock row of the first start and the keys
 * that replaced it, namespaces, leases that change all the time, a deleted object, an object of a megabyte, and, as
 * kine writes since 0.17, a creation without a create_revision.
 */
export function kineRows(token: string): KineRow[] {
  const rows: KineRow[] = [];
  const latest = new Map<string, KineRow>();
  const write = (name: string, value: Buffer, deleted: 0 | 1 = 0) => {
    const before = latest.get(name);
    const row: KineRow = {
      id: rows.length + 1,
      name,
      created: before === undefined ? 1 : 0,
      deleted,
      createRevision: before === undefined ? (rows.length % 2 === 0 ? 0 : null) : (before.createRevision ?? before.id),
      prevRevision: before?.id ?? 0,
      value,
      oldValue: before?.value ?? null,
    };
    rows.push(row);
    latest.set(name, row);
  };
  write("compact_rev_key", Buffer.alloc(0));
  write("/registry/health", Buffer.from('{"health":"true"}'));
  const bootstrap = `/bootstrap/${createHash("sha256").update(token).digest("hex").slice(0, 12)}`;
  write(bootstrap, Buffer.alloc(0));
  for (const namespace of ["default", "kube-node-lease", "kube-public", "kube-system"]) {
    write(`/registry/namespaces/${namespace}`, protobuf(300));
  }
  write(bootstrap, encrypted(token, randomBytes(9000)));
  for (let index = 0; index < 300; index++) write(`/registry/configmaps/default/settings-${index}`, protobuf(700));
  for (let beat = 0; beat < 40; beat++) {
    for (const node of ["server-1", "server-2", "agent-1"])
      write(`/registry/leases/kube-node-lease/${node}`, protobuf(400));
  }
  write("/registry/secrets/default/large", randomBytes(1_000_000));
  write("/registry/pods/default/gone", protobuf(2000));
  write("/registry/pods/default/gone", protobuf(2000), 1);
  // Everything that is awkward in SQL text: quotes, NUL, backslash, line ends, bytes that are no UTF-8.
  write(
    "/registry/configmaps/default/awkward",
    Buffer.from([0x00, 0x27, 0x22, 0x5c, 0x0a, 0x0d, 0x1a, 0xff, 0xfe, 0x25]),
  );
  return rows;
}

/** INSERT statements for rows. */
export function insertRows(rows: readonly KineRow[]): string {
  const blob = (value: Buffer | null) =>
    value === null ? "NULL" : value.length === 0 ? "''" : `0x${value.toString("hex")}`;
  return rows
    .map(
      (row) =>
        `INSERT INTO kine VALUES (${row.id}, '${row.name}', ${row.created}, ${row.deleted}, ${row.createRevision ?? "NULL"}, ${row.prevRevision}, 0, ${blob(row.value)}, ${blob(row.oldValue)});`,
    )
    .join("\n");
}

/** Bytes that begin as an object of the API does in the datastore. */
function protobuf(length: number): Buffer {
  return Buffer.concat([Buffer.from("k8s\0"), randomBytes(length)]);
}

/** The cluster's keys as K3s stores them: `salt:base64(nonce, ciphertext, tag)`. */
function encrypted(token: string, text: Buffer): Buffer {
  const salt = randomBytes(8).toString("hex");
  const nonce = randomBytes(12);
  const cipher = createCipheriv("aes-256-gcm", pbkdf2Sync(token, salt, 4096, 32, "sha1"), nonce);
  const body = Buffer.concat([nonce, cipher.update(text), cipher.final(), cipher.getAuthTag()]);
  return Buffer.from(`${salt}:${body.toString("base64")}`);
}
