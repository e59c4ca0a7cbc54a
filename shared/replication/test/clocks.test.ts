/**
 * Wall clocks that are wrong: an hour apart, and jumping by an hour while replicas run. Only `createdAt`, which is the
 * service's, and the names of runs look at them; order, duplicates, lag and every wait must not notice.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Replica } from '../src/replica.ts';
import type { Clock } from '../src/surroundings.ts';
import { parseToken } from '../src/token.ts';
import { fastClock, MemoryCluster, note, originName, waitUntil } from '../testing/index.ts';

const HOUR_MS = 3_600_000;
let cluster: MemoryCluster;

beforeEach(() => {
  cluster = new MemoryCluster();
});
afterEach(() => cluster.close());

/** A wall clock that is off by `offMs`, which may change at any time. */
class WrongClock implements Clock {
  readonly #fast = fastClock(20);
  offMs: number;
  constructor(offMs: number) {
    this.offMs = offMs;
  }
  now = (): number => this.#fast.now() + this.offMs;
  monotonic = (): number => this.#fast.monotonic();
  after = (delayMs: number, run: () => void): (() => void) => this.#fast.after(delayMs, run);
}

const start = (id: string, clock: Clock, tokenWaitMs?: number): Promise<Replica> =>
  cluster.live(id, { world: { clock }, limits: { tokenWaitMs } });
const insert = (replica: Replica, id: string, concern: 'local' | 'log' = 'local') =>
  replica.insert('notes', note(id), { concern });
const equal = (rows: number, ...replicas: Replica[]): Promise<void> =>
  waitUntil('all are equal', async () => {
    const all = await Promise.all(replicas.map((replica) => replica.status()));
    const digests = new Set(all.map(({ digest }) => digest));
    const isDone = all.every((one) => one.rows === rows && one.unpublished === 0 && one.lag.records === 0);
    return (isDone && digests.size === 1) || JSON.stringify(all.map(({ rows: held, lag }) => [held, lag]));
  });

describe('replicas whose clocks are an hour apart and jump', () => {
  it('apply everything once and in order, and no wait or lag notices', async () => {
    const clocks = [new WrongClock(HOUR_MS), new WrongClock(-HOUR_MS)] as const;
    const patientMs = 200_000;
    const [a, b] = [await start('a', clocks[0], patientMs), await start('b', clocks[1], patientMs)];
    for (let i = 0; i < 20; i += 1) {
      await insert(a, `a${i}`, i % 5 === 0 ? 'log' : 'local');
      const { token } = await insert(b, `b${i}`);
      if (i === 7) clocks[0].offMs -= 2 * HOUR_MS;
      if (i === 12) clocks[1].offMs += 2 * HOUR_MS;
      await a.covers(parseToken(token));
    }
    await equal(40, a, b);
    for (const replica of [a, b]) {
      const { counters, lag, quarantined, stalled } = await replica.status();
      expect(counters).toMatchObject({ applied: 20, duplicates: 0, relinks: 0, readersReplaced: 0 });
      expect([lag, quarantined, stalled]).toEqual([{ records: 0, ms: 0 }, 0, []]);
      expect((await replica.deepCheck()).problems).toEqual([]);
    }
  });

  it('still give up a wait after its time, not after an hour and not at once', async () => {
    const clock = new WrongClock(0);
    const a = await start('a', clock);
    const waiting = a.covers(parseToken(`${originName('z')}:1`)).then(
      () => 'covered',
      (error: { code: string }) => error.code,
    );
    clock.offMs += HOUR_MS;
    let isOver = false;
    void waiting.then(() => {
      isOver = true;
    });
    await Promise.resolve();
    expect(isOver).toBe(false);
    clock.offMs -= 2 * HOUR_MS;
    expect(await waiting).toBe('token-not-covered');
  });

  it('give a run that starts after a jump back a later name than the one before', async () => {
    const clock = new WrongClock(HOUR_MS);
    const first = await start('a', clock);
    await insert(first, 'n1');
    await first.stop();
    clock.offMs = -HOUR_MS;
    const second = await start('a', clock);
    expect(second.origin > first.origin).toBe(true);
    await insert(second, 'n2');
    await equal(2, second);
  });
});
