/**
 * Inserts at a rate over all replicas, whatever the answers; one of several is looked for on the next replica. Prints
 * one line of JSON.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { percentile } from './interleaved.ts';
import type { PacedLagAnswer, PacedLagTask } from './lag.ts';
import { OrderClient } from './order-client.ts';

const task = JSON.parse(process.argv[2] ?? '') as PacedLagTask;
/** Requests under way at most: beyond that the machine cannot do it, and nobody should make it worse. */
const MAX_UNDER_WAY = 500;

const client = new OrderClient();
const lagMs: number[] = [];
let good = 0;
let bad = 0;
const underWay = new Set<Promise<void>>();

const begunMs = performance.now();
const untilMs = begunMs + task.seconds * 1000;
for (let number = 0; performance.now() < untilMs; ) {
  const due = Math.floor(((performance.now() - begunMs) / 1000) * task.perSecond);
  for (; number <= due; number += 1) {
    // What the machine did not take in time is left out, and missing in the rate.
    if (underWay.size >= MAX_UNDER_WAY) continue;
    const one: Promise<void> = insert(number).finally(() => underWay.delete(one));
    underWay.add(one);
  }
  await pause(1);
}
// What is answered later was not done at this rate.
const perSecond = (good * 1000) / (performance.now() - begunMs);
await Promise.all(underWay);
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

async function insert(number: number): Promise<void> {
  const { urls, everyNth } = task;
  try {
    const placed = await client.place(urls[number % urls.length] ?? '', `user-${number % 200}`);
    good += 1;
    if (number % everyNth !== 0) return;
    const answeredMs = performance.now();
    await client.find(urls[(number + 1) % urls.length] ?? '', placed);
    lagMs.push(performance.now() - answeredMs);
  } catch {
    bad += 1;
  }
}
