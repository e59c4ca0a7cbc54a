import { beforeEach, describe, expect, it } from 'vitest';
import type { Announcement } from '../src/announcement.ts';
import { Consistency, type ConsistencyOptions } from '../src/consistency.ts';
import { withDefaults } from '../src/limits.ts';
import { Milestones } from '../src/milestones.ts';
import { digestOf, Origins } from '../src/origins.ts';
import { Registry } from '../src/registry.ts';
import { parseToken } from '../src/token.ts';
import { beatOf, originName, SimulatedClock } from '../testing/index.ts';

const own = originName('me', 5);
const [a1, a2, b] = [originName('a', 1), originName('a', 2), originName('b')];
let clock: SimulatedClock;
let origins: Origins;
let arrivals: Milestones;
let registry: Registry;
let consistency: Consistency;
let stalled: Set<string>;
let hasRead: boolean;
let isRecovering: boolean;
let removed: Set<string>;
let beats: number;

beforeEach(() => {
  clock = new SimulatedClock();
  origins = new Origins();
  arrivals = new Milestones({ clock, maxWaiters: 3 });
  registry = new Registry(clock);
  stalled = new Set();
  hasRead = true;
  isRecovering = false;
  removed = new Set();
  beats = 0;
  const options: ConsistencyOptions = {
    own,
    origins,
    arrivals,
    registry,
    clock,
    limits: withDefaults({ tokenWaitMs: 2000, goneAfterMs: 60_000 }),
    hasRead: () => hasRead,
    isRecovering: () => isRecovering,
    isRemoved: (replicaId) => removed.has(replicaId),
    isCurrent: (name) => name === own || registry.liveOrigins().includes(name),
    isStalled: (name) => stalled.has(name),
  };
  consistency = new Consistency(options);
});

function hold(name: string, seq: number, options: { isMinted?: boolean; published?: number } = {}): void {
  const { id } = origins.get(name) ?? origins.fresh(name, { isMinted: false });
  const { isMinted = false, published = seq } = options;
  origins.set({ id, name, seq, chain: Buffer.alloc(32, seq), isMinted, partition: null, published });
  arrivals.reached(name, seq);
}

/** What we hold of all origins but the given ones, as a peer that holds the same would announce it. */
function sameEnded(...current: string[]): Announcement['ended'] {
  const vector = origins.vector((name) => name !== own && !current.includes(name));
  return { origins: Object.keys(vector).length, digest: digestOf(vector), latest: {} };
}

/** Beats of the given replicas, and of ourselves, for as long as everybody needs to be known. */
function hear(...others: [string, Partial<Announcement>][]): void {
  for (let i = 0; i < 6; i += 1) {
    beats += 1;
    clock.advance(1000);
    registry.hear(beatOf(own, beats));
    for (const [origin, change] of others) registry.hear(beatOf(origin, beats, change));
  }
}

/** The outcome of a read with a token, after all the time that it may wait. */
async function read(token: string): Promise<string> {
  const covering = consistency.covers(parseToken(token)).then(
    () => 'covered',
    (error: { code: string }) => error.code,
  );
  clock.advance(2000);
  return covering;
}

describe('a write that came with a snapshot', () => {
  it('is covered although nobody told of it, once the wait is over', async () => {
    const waiting = consistency.covers(parseToken(`${a1}:3`));
    const origin = origins.fresh(a1, { isMinted: false });
    origins.set({ ...origin, seq: 3, chain: Buffer.alloc(32, 3), published: 3 });
    clock.advance(2000);
    await expect(waiting).resolves.toBeUndefined();
  });
});

describe('a read with a token', () => {
  it('goes on at once when everything is here', async () => {
    hold(a1, 5);
    hold(b, 1);
    await consistency.covers(parseToken(`${a1}:5,${b}:1`));
    expect(clock.waiting).toBe(0);
  });

  it('waits for what is on its way, of origins never heard of as well', async () => {
    const covering = consistency.covers(parseToken(`${a1}:2,${b}:1`));
    hold(b, 1);
    hold(a1, 1);
    clock.advance(1900);
    hold(a1, 2);
    await covering;
  });

  it('is answered 503 when its time is over, and all entries share one time', async () => {
    const outcome = consistency.covers(parseToken(`${a1}:1,${b}:1`)).catch((error: unknown) => error);
    clock.advance(1500);
    hold(a1, 1);
    await Promise.resolve();
    clock.advance(500);
    expect(await outcome).toMatchObject({ code: 'token-not-covered', isRetryable: true });
  });

  it('is refused when too many wait already', async () => {
    const waits = [1, 2, 3].map((seq) => consistency.covers(parseToken(`${a1}:${seq}`)));
    await expect(consistency.covers(parseToken(`${b}:1`))).rejects.toMatchObject({ code: 'overloaded' });
    hold(a1, 3);
    await Promise.all(waits);
  });
});

describe('a write of another replica is gone', () => {
  it('when a later run of it has read everything and holds what we hold', async () => {
    hold(a1, 3);
    hear([a2, { ended: sameEnded(a2) }]);
    expect(await read(`${a1}:4`)).toBe('write-gone');
    expect(await read(`${a1}:3`)).toBe('covered');
  });

  it('not when the run still goes on', async () => {
    hold(a1, 3);
    hear([a1, { ended: sameEnded(a1) }]);
    expect(await read(`${a1}:4`)).toBe('token-not-covered');
  });

  it.each<[string, Partial<Announcement>]>([
    ['is not live yet', { state: 'catching-up' }],
    ['has not read the log to its end', { lag: { records: 3, ms: 5 } }],
    ['does not reach the log', { lag: { records: null, ms: null } }],
    ['holds other rows of ended runs', { ended: { latest: {}, origins: 1, digest: 'ab'.repeat(32) } }],
    ['may still take rows from its damaged file', { damage: 'rebuilding' }],
    ['still takes the run for a living one, and holds rows of it', { others: { [a1]: 4 } }],
  ])('not while the later run %s', async (_, change) => {
    hold(a1, 3);
    hear([a2, { ended: sameEnded(a2), ...change }]);
    expect(await read(`${a1}:4`)).toBe('token-not-covered');
  });

  it('not while another replica holds rows that we do not hold', async () => {
    hold(a1, 3);
    hear([a2, { ended: sameEnded(a2) }], [b, { ended: { latest: {}, origins: 1, digest: 'cd'.repeat(32) } }]);
    expect(await read(`${a1}:4`)).toBe('token-not-covered');
  });

  it('not while the run is stalled here: the row may be in the log', async () => {
    hold(a1, 3);
    hear([a2, { ended: sameEnded(a2) }]);
    stalled.add(a1);
    expect(await read(`${a1}:4`)).toBe('token-not-covered');
  });

  it('not when only an earlier run is alive', async () => {
    hear([a1, { ended: sameEnded(a1) }]);
    expect(await read(`${a2}:1`)).toBe('token-not-covered');
  });

  it('when its replica was silent for the configured time while others were heard', async () => {
    for (let i = 0; i < 9; i += 1) hear([b, { ended: sameEnded(b) }]);
    expect(await read(`${a1}:1`)).toBe('token-not-covered');
    hear([b, { ended: sameEnded(b) }]);
    hear([b, { ended: sameEnded(b) }]);
    expect(await read(`${a1}:1`)).toBe('write-gone');
  });

  it('not by silence alone, while this replica has not read the log or another one holds more', async () => {
    const more = { ended: { latest: {}, origins: 1, digest: 'cd'.repeat(32) } };
    for (let i = 0; i < 12; i += 1) hear([b, more]);
    expect(await read(`${a1}:1`)).toBe('token-not-covered');
    hear([b, { ended: sameEnded(b) }]);
    hasRead = false;
    expect(await read(`${a1}:1`)).toBe('token-not-covered');
    hasRead = true;
    expect(await read(`${a1}:1`)).toBe('write-gone');
  });

  it('not when nobody could be heard for so long: that is the channel, not the replica', async () => {
    hear([b, { ended: sameEnded(b) }]);
    clock.advance(7 * 24 * 3_600_000);
    expect(await read(`${a1}:1`)).toBe('token-not-covered');
  });
});

describe('a write of an earlier run of this replica', () => {
  const mine = originName('me', 1);

  it('is gone when this directory does not have it, the log was read, and nobody holds more', async () => {
    hold(mine, 3, { isMinted: true });
    hear([b, { ended: sameEnded(b) }]);
    expect(await read(`${mine}:4`)).toBe('write-gone');
    expect(await read(`${originName('me', 2)}:1`)).toBe('write-gone');
  });

  it('is not gone while it may still be taken from the damaged file', async () => {
    hold(mine, 3, { isMinted: true });
    hear([b, { ended: sameEnded(b) }]);
    isRecovering = true;
    expect(await read(`${mine}:4`)).toBe('token-not-covered');
    isRecovering = false;
    expect(await read(`${mine}:4`)).toBe('write-gone');
  });

  it('is not gone before the log was read', async () => {
    hasRead = false;
    hear();
    expect(await read(`${mine}:1`)).toBe('token-not-covered');
  });

  it('is not gone before others had the time to be heard', async () => {
    expect(await read(`${mine}:1`)).toBe('token-not-covered');
  });

  it('is not gone while rows of that run wait to be published', async () => {
    hold(mine, 3, { isMinted: true, published: 2 });
    hear();
    expect(await read(`${mine}:4`)).toBe('token-not-covered');
  });

  it('is not gone while a peer holds more', async () => {
    hold(mine, 3, { isMinted: true });
    hear([b, { ended: { latest: {}, origins: 1, digest: 'ab'.repeat(32) } }]);
    expect(await read(`${mine}:4`)).toBe('token-not-covered');
  });

  it('is not gone when that run goes on in a copy of the directory', async () => {
    hear([mine, {}]);
    expect(await read(`${mine}:4`)).toBe('token-not-covered');
  });
});

describe('a write of this run', () => {
  it('is never gone: it may be on its way to the disk', async () => {
    hear();
    expect(await read(`${own}:99`)).toBe('token-not-covered');
  });

  it('of a later run of this replica id than our own is not ours to judge', async () => {
    hear();
    expect(await read(`${originName('me', 9)}:1`)).toBe('token-not-covered');
  });
});

describe('a write of a replica that an operator has removed', () => {
  it('is gone at once, instead of after the long silence', async () => {
    hear([b, {}]);
    expect(await read(`${a1}:1`)).not.toBe('write-gone');
    removed.add('a');
    expect(await read(`${a1}:1`)).toBe('write-gone');
  });

  it('is not gone as long as somebody alive may hold it, or it is stalled here', async () => {
    removed.add('a');
    hear([b, { ended: { ...sameEnded(), origins: 1, digest: 'ab'.repeat(32) } }]);
    expect(await read(`${a1}:1`)).toBe('token-not-covered');
    hear([b, { ended: sameEnded() }]);
    stalled.add(a1);
    expect(await read(`${a1}:1`)).toBe('token-not-covered');
    stalled.clear();
    hasRead = false;
    expect(await read(`${a1}:1`)).toBe('token-not-covered');
  });

  it('is judged by what that replica says when it is there all the same', async () => {
    removed.add('a');
    hear([a1, {}], [b, {}]);
    expect(await read(`${a1}:1`)).toBe('token-not-covered');
  });
});
