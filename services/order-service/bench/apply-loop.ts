/**
 * A loop over one prepared statement in `node:sqlite`: same tables, same batches, same durability, no log, no links.
 */
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { makeReplicaFile } from './bench-identity.ts';
import { madeOrders, madeOrigins } from './made-orders.ts';

const task = JSON.parse(process.argv[2] ?? '') as {
  readonly file: string;
  readonly rows: number;
  readonly users: number;
};

const BATCH_ROWS = 500;

await makeReplicaFile(task.file);
const database = new DatabaseSync(path.resolve(task.file));
database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;');
database
  .prepare('INSERT INTO replication_origin (id, name, seq, chain) VALUES (1, ?, 0, ?)')
  .run(madeOrigins(1)[0] ?? '', Buffer.alloc(32));
const insert = database.prepare(
  `INSERT INTO orders (order_id, user_id, product_id, quantity, unit_price, total_price, created_at, origin, seq,
     schema_version, chain, superseded) VALUES (?, ?, ?, ?, ?, ?, ?, 1, ?, 1, ?, 0)`,
);
const move = database.prepare('UPDATE replication_origin SET seq = ?, chain = ? WHERE id = 1');
// Made beforehand: the loop is timed alone.
const rows = [...madeOrders({ count: task.rows, users: task.users, runs: 1 })].map(({ row, event }) => ({
  values: Object.values(row),
  seq: event.seq,
  chain: event.chain,
}));

const begunMs = performance.now();
for (let start = 0; start < rows.length; start += BATCH_ROWS) {
  database.exec('BEGIN IMMEDIATE');
  const batch = rows.slice(start, start + BATCH_ROWS);
  for (const { values, seq, chain } of batch) insert.run(...values, seq, chain);
  const last = batch.at(-1);
  if (last) move.run(last.seq, last.chain);
  database.exec('COMMIT');
}
const perSecond = (rows.length / (performance.now() - begunMs)) * 1000;
database.close();
process.stdout.write(`${JSON.stringify({ perSecond })}\n`);
