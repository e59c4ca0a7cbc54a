/**
 * One insert at a time on one replica, looked for on the next; in between, one record at a time through Kafka's client.
 * Prints one line of JSON.
 */
import { openKafkaEcho } from '@dbsync/replication/testing';
import { percentile } from './interleaved.ts';
import type { LagAnswer, LagTask } from './lag.ts';
import { OrderClient } from './order-client.ts';

const task = JSON.parse(process.argv[2] ?? '') as LagTask;
/** As large as an order's event. */
const VALUE_BYTES = 230;

const client = new OrderClient();
const echo = await openKafkaEcho(task.bootstrap, task.topic);
const value = Buffer.alloc(VALUE_BYTES, 'x');
const ours: number[] = [];
const kafkajs: number[] = [];
for (let number = -task.warmUps; number < task.count; number += 1) {
  const [oursMs, kafkajsMs] = [await lag(Math.abs(number)), await echo.roundTripMs(value)];
  if (number < 0) continue;
  ours.push(oursMs);
  kafkajs.push(kafkajsMs);
}
await Promise.all([echo.close(), client.stop()]);
const both = (values: number[]) => ({ p50Ms: percentile(values, 0.5), p99Ms: percentile(values, 0.99) });
const answer: LagAnswer = { ours: both(ours), kafkajs: both(kafkajs) };
process.stdout.write(`${JSON.stringify(answer)}\n`);

async function lag(number: number): Promise<number> {
  const [at, peer] = [0, 1].map((step) => task.urls[(number + step) % task.urls.length] ?? '');
  const placed = await client.place(at ?? '', `user-${number % 200}`);
  const answeredMs = performance.now();
  await client.find(peer ?? '', placed);
  return performance.now() - answeredMs;
}
