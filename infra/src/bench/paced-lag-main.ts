/**
 * Inserts at a rate over all replicas, whatever the answers; one of several is looked for on the next replica. Prints
 * one line of JSON.
 */
import { percentile } from './interleaved.ts';
import type { PacedLagAnswer, PacedLagTask } from './lag.ts';
import { OrderClient } from './order-client.ts';
import { loadAtPace } from './paced-load.ts';

const task = JSON.parse(process.argv[2] ?? '') as PacedLagTask;
/** Requests under way at most. */
const MAX_UNDER_WAY = 500;

const client = new OrderClient();
const lagMs: number[] = [];
let good = 0;
let bad = 0;
const { perSecond, over } = await loadAtPace({ ...task, maxUnderWay: MAX_UNDER_WAY, work: insert });
await over;
await client.stop();
const answer: PacedLagAnswer = {
  placed: good,
  perSecond,
  bad,
  looked: lagMs.length,
  p50Ms: percentile(lagMs, 0.5),
  p99Ms: percentile(lagMs, 0.99),
};
process.stdout.write(`${JSON.stringify(answer)}\n`);

async function insert(number: number, done: () => void): Promise<void> {
  const { urls, everyNth } = task;
  try {
    const placed = await client.place(urls[number % urls.length] ?? '', `user-${number % 200}`);
    good += 1;
    done();
    if (number % everyNth !== 0) return;
    const answeredMs = performance.now();
    await client.find(urls[(number + 1) % urls.length] ?? '', placed);
    lagMs.push(performance.now() - answeredMs);
  } catch {
    bad += 1;
  }
}
