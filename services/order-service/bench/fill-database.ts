/**
 * Makes the database of a replica that holds many orders, fast: rows in the order of their place, indexes afterwards,
 * no waiting for the disk. Prints what a list of the first user looks like.
 */
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { orderJson, pageSql } from '../src/storage/order-page.ts';
import { makeReplicaFile, ordersTable } from './bench-identity.ts';
import { madeOrders, madeOrigins } from './made-orders.ts';

const task = JSON.parse(process.argv[2] ?? '') as {
  readonly file: string;
  readonly rows: number;
  readonly users: number;
};

await makeReplicaFile(task.file);
fill();

function fill(): void {
  const database = new DatabaseSync(path.resolve(task.file));
  database.exec('PRAGMA synchronous = OFF; PRAGMA cache_size = -200000;');
  const indexes = database
    .prepare(
      "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'orders' AND sql IS NOT NULL",
    )
    .all() as { name: string; sql: string }[];
  database.exec('BEGIN');
  for (const { name } of indexes) database.exec(`DROP INDEX ${name}`);
  const [origin = ''] = madeOrigins(1);
  const columns = ordersTable.columns.map(({ name }) => name);
  const insert = database.prepare(
    `INSERT INTO orders (${columns.join(', ')}, origin, seq, schema_version, chain, superseded)
     VALUES (${columns.map(() => '?').join(', ')}, 1, ?, 1, ?, 0)`,
  );
  database
    .prepare('INSERT INTO replication_origin (id, name, seq, chain, published) VALUES (1, ?, 0, ?, 0)')
    .run(origin, Buffer.alloc(32));
  let last: { seq: number; chain: Buffer } | undefined;
  for (const { row, event } of madeOrders({ count: task.rows, users: task.users, runs: 1 })) {
    insert.run(...columns.map((name) => row[name] ?? null), event.seq, event.chain);
    last = event;
  }
  if (last) {
    database
      .prepare('UPDATE replication_origin SET seq = ?, chain = ?, published = ? WHERE id = 1')
      .run(last.seq, last.chain, last.seq);
  }
  for (const { sql } of indexes) database.exec(sql);
  database.exec('COMMIT; PRAGMA wal_checkpoint(TRUNCATE);');
  const page = database
    .prepare(pageSql({ json: orderJson("''"), where: 'user_id = ?', limit: '100', mark: "''" }))
    .get('user-0');
  database.close();
  process.stdout.write(`${JSON.stringify({ listJson: page?.json })}\n`);
}
