/**
 * The loss window of `Write-Concern: local`: how long a row is on one disk only. From the commit that holds it, which
 * answers the client, to the acknowledgement of the broker. Measured and printed, with every row accounted for;
 * ARCHITECTURE.md has the figures.
 */
import { randomUUID } from 'node:crypto';
import { afterEach, describe, expect, inject, it } from 'vitest';
import { createKafkaReplication } from '../src/kafka/kafka-replication.ts';
import type { Replica } from '../src/replica.ts';
import { silentLogger } from '../src/surroundings.ts';
import { note, startReplica, temporaryDirectory, waitUntil, wrappedLog } from '../testing/index.ts';

let replica: Replica | undefined;
let directory: ReturnType<typeof temporaryDirectory>;

afterEach(async () => {
  await replica?.stop();
  directory.remove();
});

/** Starts a replica on the shared broker; `acknowledgedAtMs` has the time of each row by its seq. */
async function start(): Promise<{ running: Replica; acknowledgedAtMs: Map<number, number> }> {
  directory = temporaryDirectory();
  const acknowledgedAtMs = new Map<number, number>();
  const { topic, log, channel } = createKafkaReplication({
    kafka: { brokers: [inject('sharedBroker').bootstrap] },
    database: 'notes',
    topicPrefix: `loss-window-${randomUUID()}.`,
    clientId: randomUUID(),
    logger: silentLogger,
  });
  const timed = wrappedLog(log, {
    append: async (partition, records) => {
      const appended = await log.append(partition, records);
      for (const { headers } of records) acknowledgedAtMs.set(Number(headers.ce_seq), performance.now());
      return appended;
    },
  });
  const started = await startReplica('a', {
    directory: directory.path,
    replication: { topic, log: timed, channel },
  });
  replica = started.replica;
  const running = started.replica;
  await waitUntil('it is live', () => running.readiness().ready, 60_000);
  return { running, acknowledgedAtMs };
}

/** Writes `rows` rows by `clients` clients, each one after the other, and gives the windows in milliseconds, sorted. */
async function measure(rows: number, clients: number): Promise<number[]> {
  const { running, acknowledgedAtMs } = await start();
  const answeredAtMs = new Map<number, number>();
  let begun = 0;
  const client = async (): Promise<void> => {
    while (begun < rows) {
      begun += 1;
      const { token } = await running.insert('notes', note(randomUUID()), { concern: 'local' });
      const seq = Number(token.slice(token.lastIndexOf(':') + 1));
      answeredAtMs.set(seq, performance.now());
      // Idle: the next write comes when nothing is under way.
      if (clients === 1) await waitUntil('it is acknowledged', () => acknowledgedAtMs.has(seq));
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  await waitUntil('all are acknowledged', () => acknowledgedAtMs.size === rows, 60_000);
  return [...answeredAtMs]
    .map(([seq, atMs]) => Math.max(0, (acknowledgedAtMs.get(seq) ?? Number.NaN) - atMs))
    .sort((a, b) => a - b);
}

describe('the window in which a row is on one disk only', () => {
  it.each([
    ['idle', 300, 1],
    ['under load of 64 clients', 20_000, 64],
  ])('is measured: %s', async (what, rows, clients) => {
    const windows = await measure(rows, clients);
    const at = (share: number): string => (windows[Math.floor(share * (rows - 1))] ?? Number.NaN).toFixed(1);
    console.log(
      `loss window, ${what}: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, most ${at(1)} ms, ${rows} rows`,
    );
    expect(windows).toHaveLength(rows);
    expect(windows.every(Number.isFinite)).toBe(true);
  });
});
