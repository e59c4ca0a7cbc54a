import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createChain } from '@dbsync/replication/testing';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { killLivingChildren, waitFor } from '../../src/index.ts';
import { readReplicaFile } from '../../src/judge/replica-file.ts';
import { judgeRows } from '../../src/judge/rows-judge.ts';
import { Violations } from '../../src/judge/violations.ts';
import { emptyRecord, type LoadRecord, placeOrders } from '../../src/load/order-load.ts';
import { startTraced, tracedCluster, whyNoStrace } from '../../testing/traced-replica.ts';

process.once('exit', killLivingChildren);

const folder = mkdtempSync(join(tmpdir(), 'dbsync-traced-'));
const before = emptyRecord();
const chain = createChain(tracedCluster);
const obstacle = whyNoStrace();
/** More than any start and commit make; beyond it something else is wrong. */
const mostCalls = 80;

/** A directory with some orders, stopped in order: what every run below begins with. */
beforeAll(async () => {
  const replica = await startTraced({ file: join(folder, 'base', 'orders.db') });
  expect(await replica.isUp()).toBe(true);
  await placeOrders({ urls: () => [replica.url], count: 20, clients: 4, name: 'base', record: before });
  await replica.life.stop(10_000);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What one run came to. */
interface Run {
  readonly hasAnswered: boolean;
  /** A call failed: while it started, or later. */
  readonly harmed: 'at the start' | 'later' | 'never';
  readonly hasEnded: boolean;
  readonly how: string;
  readonly record: LoadRecord;
  /** The order was there at the next start, before it was sent again. */
  readonly hasStored: boolean;
}

/** Starts on a copy, places one order, lets what should happen happen, starts again without harm and judges. */
async function runWith(what: string): Promise<Run> {
  const directory = mkdtempSync(join(folder, 'run-'));
  const file = join(directory, 'orders.db');
  cpSync(join(folder, 'base'), directory, { recursive: true });
  const harmed = await startTraced({ file, inject: what });
  const record = copyOf(before);
  const hasAnswered = await harmed.isUp();
  const isHarmedAtStart = harmed.isHarmed();
  if (hasAnswered)
    await placeOrders({
      urls: () => [harmed.url],
      count: 1,
      clients: 1,
      name: 'harmed',
      answerMs: 10_000,
      isKeyed: true,
      record,
    });
  // A process that has to end does so at once; one that goes on is past all harm.
  const hasEnded = await endsBy(harmed.life.ended, record.acknowledged.has('harmed-0') ? 300 : 10_000);
  const how = hasEnded ? await harmed.life.ended : 'goes on';
  const whenHarmed = isHarmedAtStart ? 'at the start' : harmed.isHarmed() ? 'later' : 'never';
  await harmed.end();
  const hasStored = await judgeAfter(file, record);
  rmSync(directory, { recursive: true, force: true });
  return { hasAnswered, harmed: whenHarmed, hasEnded, how, record, hasStored };
}

async function endsBy(ended: Promise<string>, withinMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), withinMs);
  });
  const isEnded = await Promise.race([ended.then(() => true), late]);
  clearTimeout(timer);
  return isEnded;
}

/**
 * The next start works, takes the same order again with its key, and another one, and holds what was promised and
 * nothing else. Resolves with whether the order was there already.
 */
async function judgeAfter(file: string, record: LoadRecord): Promise<boolean> {
  const again = await startTraced({ file });
  expect(await again.isUp(), again.lines.join('\n')).toBe(true);
  const rows = async (): Promise<number> =>
    ((await (await fetch(`${again.url}/replication/status`)).json()) as Status).rows;
  const hasStored = (await rows()) > before.acknowledged.size;
  const told = record.acknowledged.get('harmed-0');
  const repeated = await placeOrders({
    urls: () => [again.url],
    count: 1,
    clients: 1,
    name: 'harmed',
    isKeyed: true,
  });
  const orderId = repeated.acknowledged.get('harmed-0');
  expect([[...repeated.failures], orderId]).toEqual([[], told ?? expect.any(String)]);
  expect(await rows()).toBe(before.acknowledged.size + 1);
  record.attempted.add('harmed-0');
  record.acknowledged.set('harmed-0', String(orderId));
  await placeOrders({ urls: () => [again.url], count: 1, clients: 1, name: 'after', record });
  expect(record.acknowledged.has('after-0')).toBe(true);
  await again.life.stop(10_000);
  await expectRight(file, record);
  return hasStored;
}

async function expectRight(file: string, record: LoadRecord): Promise<void> {
  const violations = new Violations();
  await readReplicaFile(file, (contents) =>
    judgeRows('order-1', contents, { knowledge: { chain, load: record }, violations }),
  );
  expect(violations.list()).toEqual([]);
}

function copyOf(record: LoadRecord): LoadRecord {
  return {
    attempted: new Set(record.attempted),
    acknowledged: new Map(record.acknowledged),
    failures: new Map(),
  };
}

/** How many calls of a kind a start makes. */
async function callsOfStart(call: string): Promise<number> {
  const directory = mkdtempSync(join(folder, 'start-'));
  cpSync(join(folder, 'base'), directory, { recursive: true });
  const inject = `${call}:error=EIO:when=${mostCalls + 1}`;
  const replica = await startTraced({ file: join(directory, 'orders.db'), inject });
  expect(await replica.isUp()).toBe(true);
  const calls = replica.calls();
  await replica.end();
  return calls;
}

/** How many run at a time: each waits a lot. */
const atOnce = 4;

/**
 * Runs with the last calls of the start, and then with each call of the commit, until one survives; resolves with all of
 * them up to that one.
 */
async function untilItSurvives(call: string, injecting: (when: number) => string): Promise<Run[]> {
  const runs: Run[] = [];
  const first = Math.max(1, (await callsOfStart(call)) - 1);
  let [next, survivor] = [first, mostCalls + 1];
  const oneAfterTheOther = async (): Promise<void> => {
    while (next < survivor) {
      const when = next;
      next += 1;
      const run = await runWith(injecting(when));
      runs[when - first] = run;
      if (!run.hasEnded && run.harmed === 'never') survivor = Math.min(survivor, when);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, oneAfterTheOther));
  if (survivor > mostCalls) throw new Error(`no run survived with ${mostCalls} calls`);
  // So no call of the commit comes before the first run.
  expect(runs[0]?.hasAnswered === false || runs[0]?.harmed === 'at the start').toBe(true);
  return runs.slice(0, survivor - first + 1);
}

describe('every system call of one commit', () => {
  it.for(['pwrite64', 'fsync'])(
    'survives a kill -9 at each %s',
    { timeout: 300_000 },
    async (call, { skip }) => {
      if (obstacle !== undefined) return skip(obstacle);
      const runs = await untilItSurvives(call, (when) => `${call}:signal=SIGKILL:when=${when}`);
      const killed = runs.filter(({ hasEnded }) => hasEnded);
      const inCommit = killed.filter(({ hasAnswered }) => hasAnswered);
      expect(killed.map(({ how }) => how)).toEqual(killed.map(() => 'SIGKILL'));
      // The commit itself makes some of the calls, not only the start.
      expect(inCommit.length).toBeGreaterThan(0);
      console.log(`${call}: killed at ${killed.length} calls, ${inCommit.length} of them of the commit`);
    },
  );

  it.for(['pwrite64', 'fsync'])(
    'that fails with EIO at %s ends the process with the answer 500, and the same key again is one order',
    { timeout: 300_000 },
    async (call, { skip }) => {
      if (obstacle !== undefined) return skip(obstacle);
      const runs = await untilItSurvives(call, (when) => `${call}:error=EIO:when=${when}`);
      const inCommit = runs.filter(({ harmed }) => harmed === 'later');
      expect(inCommit.length).toBeGreaterThan(0);
      for (const { how, record } of inCommit) {
        // A COMMIT that failed may have happened; a write before it cannot be seen by anybody.
        const answer = expect.stringMatching(/^500( outcome-unknown)?$/);
        expect([how, [...record.failures]]).toEqual(['exit code 1', [[answer, 1]]]);
      }
      const stored = inCommit.filter(({ hasStored }) => hasStored).length;
      console.log(
        `${call}: failed at ${runs.length - 1} calls, ${inCommit.length} of them of the commit, the order was there after ${stored}`,
      );
    },
  );
});

describe('a slow disk', () => {
  it('bounds the queue, refuses what is beyond it, and loses neither rows nor its place in the log', async ({
    skip,
  }) => {
    if (obstacle !== undefined) return skip(obstacle);
    const file = join(mkdtempSync(join(folder, 'slow-')), 'orders.db');
    const most = 20;
    const replica = await startTraced({
      file,
      inject: 'fsync:delay_enter=150000',
      environment: {
        DBSYNC_TOPOLOGY: 'kafka',
        KAFKA_BROKERS: inject('sharedBroker').bootstrap,
        DBSYNC_TOPIC_PREFIX: `slow-${process.pid}.`,
        DBSYNC_MAX_QUEUED_WRITES: String(most),
      },
    });
    expect(await replica.isUp()).toBe(true);
    const status = async (): Promise<Status> =>
      (await (await fetch(`${replica.url}/replication/status`)).json()) as Status;
    const until = (what: string, isTrue: (seen: Status) => boolean): Promise<void> =>
      waitFor({
        what,
        timeoutMs: 60_000,
        look: async () => {
          const seen = await status();
          return isTrue(seen) ? { found: undefined } : { missing: JSON.stringify(seen) };
        },
      });
    await until('it is live', ({ state }) => state === 'live');
    const record = emptyRecord();
    let longest = 0;
    const loading = placeOrders({
      urls: () => [replica.url],
      count: 600,
      clients: 100,
      name: 'slow',
      record,
    });
    let isOver = false;
    const watching = (async () => {
      while (!isOver) longest = Math.max(longest, (await status()).queued);
    })();
    await loading;
    isOver = true;
    await watching;
    expect([...record.failures.keys()]).toEqual(['503 overloaded']);
    expect(record.acknowledged.size).toBeGreaterThan(most);
    expect(longest).toBeLessThanOrEqual(most);
    await until('everything is in the log', ({ unpublished, lag }) => unpublished === 0 && lag.records === 0);
    const { rows, counters } = await status();
    expect([rows, counters.readersReplaced, counters.relinks]).toEqual([record.acknowledged.size, 0, 0]);
    console.log(`a slow disk: ${record.acknowledged.size} of 600 accepted, at most ${longest} waiting`);
    await replica.end();
    await expectRight(file, record);
  });
});

interface Status {
  readonly state: string;
  readonly rows: number;
  readonly queued: number;
  readonly unpublished: number;
  readonly lag: { readonly records: number | null };
  readonly counters: { readonly readersReplaced: number; readonly relinks: number };
}
