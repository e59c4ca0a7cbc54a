/**
 * The judge of the integration tests: are all replicas equal, and is what they hold what was attempted and
 * acknowledged? It reads the SQLite files themselves, like every other process.
 */
import { DatabaseSync } from 'node:sqlite';
import type { Chain } from '@dbsync/replication/testing';
import { probeReplica, verifyReplicas } from '../src/index.ts';
import { readReplicaFile } from '../src/judge/replica-file.ts';
import { type HeldRows, judgeEqual, judgeRows } from '../src/judge/rows-judge.ts';
import { Violations } from '../src/judge/violations.ts';
import type { LoadRecord } from '../src/load/order-load.ts';

/** A shown order in a replica's file. */
interface FileOrder {
  readonly order_id: string;
  readonly product_id: string;
}

/** The orders that a replica's file shows. Another process may read it at any time. */
export function ordersInFile(file: string): FileOrder[] {
  const database = new DatabaseSync(file, { readOnly: true });
  try {
    const rows = database
      .prepare('SELECT order_id, product_id FROM orders WHERE superseded = 0 ORDER BY order_id')
      .all();
    return rows.map((row) => ({ order_id: String(row.order_id), product_id: String(row.product_id) }));
  } finally {
    database.close();
  }
}

/** Waits for equal digests, lets replicas recompute their chains, and throws what differs. Gives seconds waited. */
export async function assertConverged(urls: readonly string[], timeoutMs = 60_000): Promise<number> {
  const begun = performance.now();
  const lines: string[] = [];
  const verdict = await verifyReplicas({
    replicas: urls.map(probeReplica),
    timeoutMs,
    isDeep: true,
    deepTimeoutMs: 60_000,
    print: (line) => lines.push(line),
  });
  if (verdict !== 'equal') throw new Error(`the replicas are not equal:\n${lines.join('\n')}`);
  return (performance.now() - begun) / 1000;
}

/** Throws unless every file holds every acknowledged order once, and nothing that was not attempted. */
export function assertNothingLostOrMade(files: readonly string[], records: readonly LoadRecord[]): void {
  const attempted = new Set(records.flatMap((record) => [...record.attempted]));
  const acknowledged = records.flatMap((record) => [...record.acknowledged]);
  for (const file of files) {
    const orders = ordersInFile(file);
    const byProduct = new Map(orders.map((order) => [order.product_id, order.order_id]));
    const lost = acknowledged.filter(([product, order]) => byProduct.get(product) !== order);
    const phantom = orders.filter((order) => !attempted.has(order.product_id));
    const doubled = orders.length - byProduct.size;
    if (lost.length > 0 || phantom.length > 0 || doubled !== 0) {
      const example = JSON.stringify([lost.slice(0, 3), phantom.slice(0, 3)]);
      throw new Error(
        `${file}: ${lost.length} lost, ${doubled} doubled, ${phantom.length} phantom: ${example}`,
      );
    }
  }
}

/**
 * Throws unless all files hold the same rows, column by column and in the same unbroken chains: every acknowledged order
 * once, unaltered, and nothing that was not attempted. It is the judge of `pnpm chaos`.
 */
export async function assertSameRows(
  files: readonly string[],
  { chain, records }: { readonly chain: Chain; readonly records: readonly LoadRecord[] },
): Promise<void> {
  const load = {
    attempted: new Set(records.flatMap(({ attempted }) => [...attempted])),
    acknowledged: new Map(records.flatMap(({ acknowledged }) => [...acknowledged])),
  };
  const violations = new Violations();
  const held: HeldRows[] = [];
  for (const file of files) {
    held.push(
      await readReplicaFile(file, (contents) =>
        judgeRows(file, contents, { knowledge: { chain, load }, violations }),
      ),
    );
  }
  judgeEqual(held, violations);
  const found = violations.list().map((violation) => JSON.stringify(violation));
  if (found.length > 0) throw new Error(`the files are not right:\n${found.join('\n')}`);
}
