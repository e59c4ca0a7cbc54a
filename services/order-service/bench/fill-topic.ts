/**
 * Appends orders that nobody placed to the change topic of a Kafka, as fast as it takes them.
 */
import { createKafkaReplication } from '@dbsync/replication';
import { encodeEvent } from '@dbsync/replication/testing';
import { createLogger } from '@dbsync/service-kit';
import { identity } from './bench-identity.ts';
import { madeOrders } from './made-orders.ts';

type Log = ReturnType<typeof createKafkaReplication>['log'];
type Outgoing = Parameters<Log['append']>[1][number];

const task = JSON.parse(process.argv[2] ?? '') as {
  readonly bootstrap: string;
  readonly topicPrefix?: string;
  readonly events: number;
  readonly users: number;
  /** Runs that wrote them, each in a partition of its own. */
  readonly runs: number;
};

const APPEND_ROWS = 500;

const { log } = createKafkaReplication({
  kafka: { brokers: [task.bootstrap] },
  database: 'orders',
  topicPrefix: task.topicPrefix ?? '',
  clientId: 'bench-fill',
  logger: createLogger({ name: 'fill', level: 'silent' }),
});
const { partitions } = await log.open();
const waiting: Outgoing[][] = Array.from({ length: task.runs }, () => []);
for (const { row, event, run } of madeOrders({ count: task.events, users: task.users, runs: task.runs })) {
  const envelope = { cluster: identity.cluster, key: String(row.order_id), time: String(row.created_at) };
  waiting[run]?.push(encodeEvent(event, envelope));
  if (waiting[run]?.length === APPEND_ROWS) await flush(run);
}
for (let run = 0; run < task.runs; run += 1) await flush(run);
await log.close();
process.stdout.write(`${JSON.stringify({ events: task.events })}\n`);

async function flush(run: number): Promise<void> {
  const records = waiting[run]?.splice(0) ?? [];
  if (records.length > 0) await log.append(run % partitions, records);
}
