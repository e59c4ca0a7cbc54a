/**
 * The load generator: a process of its own, told by its only argument what to ask whom, and for how long.
 *
 * Every client has one request under way, and asks the services in turn, on connections of its own. Bodies are counted
 * and not looked at: whoever measures should work as little as can be. Prints one line of JSON.
 */
import { Client } from 'undici';
import { waitFor } from '../process/wait-for.ts';
import { percentile } from './interleaved.ts';
import type { LoadAnswer, LoadTask } from './load.ts';
import { rowsOf } from './services.ts';

const task = JSON.parse(process.argv[2] ?? '') as LoadTask;
const body = JSON.stringify({ productId: 'product-1', quantity: 2, unitPrice: 1500 });
const tookMs: number[] = [];
let bad = 0;
let reason = '';
/** Longest time until all rows that were answered are held everywhere. */
const HELD_MS = 60_000;
const TIMEOUT_MS = 30_000;
/** Prime, so that every user comes to turn. */
const SPREAD = 2_654_435_761;

const heldBefore = task.untilHeld ? Math.max(...(await heldRows())) : 0;
const begunMs = performance.now();
const untilMs = begunMs + task.seconds * 1000;
await Promise.all(Array.from({ length: task.clients }, (_, number) => ask(number)));
if (task.untilHeld) await untilHeld(heldBefore + tookMs.length);
const elapsedS = (performance.now() - begunMs) / 1000;

const answer: LoadAnswer = {
  good: tookMs.length,
  bad,
  reason,
  perSecond: tookMs.length / elapsedS,
  p50Ms: percentile(tookMs, 0.5),
  p99Ms: percentile(tookMs, 0.99),
};
process.stdout.write(`${JSON.stringify(answer)}\n`);

async function ask(number: number): Promise<void> {
  const connections = task.urls.map(
    (url) => new Client(url, { pipelining: 1, headersTimeout: TIMEOUT_MS, bodyTimeout: TIMEOUT_MS }),
  );
  for (let turn = number; performance.now() < untilMs; turn += 1) {
    const client = connections[turn % connections.length];
    const askedMs = performance.now();
    const status = client ? await statusOf(client, user(turn * task.clients + number)) : 0;
    if (status >= 200 && status < 300) tookMs.push(performance.now() - askedMs);
    else {
      bad += 1;
      reason ||= `status ${status}`;
    }
  }
  await Promise.all(connections.map((client) => client.close()));
}

/** Spreads requests over all users, and so over the whole table: neighbours are not asked after each other. */
function user(request: number): number {
  return (request * SPREAD) % task.users;
}

/** Rows that each service holds. */
function heldRows(): Promise<number[]> {
  return Promise.all(task.urls.map(rowsOf));
}

async function untilHeld(rows: number): Promise<void> {
  await waitFor({
    what: `${rows} rows on every service`,
    timeoutMs: HELD_MS,
    intervalMs: 5,
    look: async () => {
      const held = await heldRows();
      const isHeld = held.every((count) => count >= rows);
      return isHeld ? { found: true } : { missing: `they hold ${held.join(', ')}` };
    },
  });
}

/** 0 where no whole answer came. */
function statusOf(client: Client, user: number): Promise<number> {
  const isPost = task.kind === 'post';
  return new Promise((resolve) => {
    let status = 0;
    client.dispatch(
      {
        path: `/order-service/user-${user}/orders`,
        method: isPost ? 'POST' : 'GET',
        ...(isPost ? { headers: ['content-type', 'application/json'], body } : {}),
      },
      {
        onRequestStart: () => undefined,
        onResponseStart: (_controller, statusCode) => {
          status = statusCode;
        },
        onResponseData: () => undefined,
        onResponseEnd: () => resolve(status),
        onResponseError: (_controller, error) => {
          reason = error.message;
          resolve(0);
        },
      },
    );
  });
}
