import { beforeEach, describe, expect, it } from 'vitest';
import type { Announcement } from '../src/announcement.ts';
import { GENESIS } from '../src/chain.ts';
import { Origins, TOLD_ENDED } from '../src/origins.ts';
import { ReadTokens } from '../src/read-token.ts';
import { Registry } from '../src/registry.ts';
import { systemClock } from '../src/surroundings.ts';
import { beatOf } from '../testing/beats.ts';

const run = (replicaId: string, n: number): string => `${replicaId}.01J${String(n).padStart(23, '0')}`;
const own = run('a', 1);
const peer = run('b', 2);

let now = 0;
let origins: Origins;
let registry: Registry;
let tokens: ReadTokens;

const clock = { ...systemClock, monotonic: () => now };

function hold(name: string, seq: number): void {
  const { id } = origins.get(name) ?? origins.fresh(name, { isMinted: false });
  origins.set({ id, name, seq, chain: GENESIS, isMinted: false, partition: null, published: seq });
}

let beat = 0;
/** Beats until everybody alive must have been heard. */
function hear(...announcements: [string, Partial<Announcement>][]): void {
  for (let second = 0; second < 6; second += 1) {
    now += 1000;
    beat += 1;
    for (const [origin, change] of announcements) registry.hear(beatOf(origin, beat, change));
  }
}

const ended = (latest: Record<string, number>) => ({ origins: 1, digest: 'ab'.repeat(32), latest });

beforeEach(() => {
  now = 0;
  origins = new Origins();
  registry = new Registry(clock);
  tokens = new ReadTokens({ own, origins, registry, clock });
});

describe('the token of a read', () => {
  it('names what is held of living runs', async () => {
    hold(own, 3);
    hold(peer, 5);
    hear([own, {}], [peer, {}]);
    expect([...(await tokens.after([], new Map()))]).toEqual([
      [own, 3],
      [peer, 5],
    ]);
  });

  it('names an ended run until everybody alive has announced as much of it', async () => {
    const gone = run('c', 0);
    hold(gone, 7);
    hear([peer, { ended: ended({ [gone]: 6 }) }]);
    expect([...(await tokens.after([], new Map()))]).toEqual([[gone, 7]]);
    hear([peer, { ended: ended({ [gone]: 7 }) }]);
    expect([...(await tokens.after([], new Map()))]).toEqual([]);
  });

  it('takes the word of somebody who still believes the run to be alive', async () => {
    const gone = run('c', 0);
    hold(gone, 7);
    hear([peer, { others: { [gone]: 7 } }]);
    expect([...(await tokens.after([], new Map()))]).toEqual([]);
  });

  it('names an ended run that a silent replica lacks: cut off from the log alone, it may still be asked', async () => {
    const [gone, silent] = [run('c', 0), run('d', 3)];
    hold(gone, 7);
    hear([peer, { others: { [gone]: 7 } }], [silent, { others: { [gone]: 6 } }]);
    hear([peer, { ended: ended({ [gone]: 7 }) }]);
    expect(registry.liveOrigins()).toEqual([peer]);
    expect([...(await tokens.after([], new Map()))]).toEqual([[gone, 7]]);
    hear([peer, { ended: ended({ [gone]: 7 }) }], [silent, { others: { [gone]: 7 } }]);
    hear([peer, { ended: ended({ [gone]: 7 }) }]);
    expect([...(await tokens.after([], new Map()))]).toEqual([]);
  });

  it('does not wait for who said goodbye, nor names the run of a silent one that everybody else holds', async () => {
    const [gone, left] = [run('c', 4), run('d', 3)];
    hold(gone, 7);
    const whole = { others: { [gone]: 7 } };
    hear([peer, whole], [left, {}], [gone, {}]);
    expect([...(await tokens.after([], new Map()))]).toEqual([[gone, 7]]);
    hear([peer, whole], [left, { state: 'leaving' }]);
    expect(registry.liveOrigins()).toEqual([peer]);
    expect([...(await tokens.after([], new Map()))]).toEqual([]);
  });

  it('keeps an ended run while nobody else is there to hold it', async () => {
    const gone = run('c', 0);
    hold(gone, 7);
    expect([...(await tokens.after([], new Map()))]).toEqual([[gone, 7]]);
  });

  it('keeps what the reader brought along, unless everybody holds it', async () => {
    for (let n = 10; n < 10 + TOLD_ENDED; n += 1) hold(run('c', n), 1);
    const [early, earliest] = [run('c', 3), run('c', 2)];
    hold(early, 4);
    hold(earliest, 4);
    const latest = Object.fromEntries(
      Array.from({ length: TOLD_ENDED }, (_, n) => [run('c', 10 + n), 1] as const),
    );
    hear([peer, { ended: ended({ ...latest, [earliest]: 4 }) }]);
    const given = new Map([
      [early, 2],
      [earliest, 4],
    ]);
    expect([...(await tokens.after([], given))]).toEqual([[early, 4]]);
  });

  it('never has more entries than a read may send back', async () => {
    for (let n = 10; n < 200; n += 1) hold(run('c', n), 1);
    const beats = Array.from({ length: 100 }, (_, n): [string, Partial<Announcement>] => [
      run(`r${n}`, n + 1),
      {},
    ]);
    for (const [name] of beats) hold(name, 1);
    hear(...beats);
    expect((await tokens.after([], new Map())).size).toBe(64);
  });

  it('waits until a row that was read is known to be committed', async () => {
    hold(own, 1);
    const { id } = origins.get(own) ?? { id: 0 };
    const token = tokens.after([{ origin: id, seq: 2 }], new Map());
    setTimeout(() => hold(own, 2), 5);
    expect([...(await token)]).toEqual([[own, 2]]);
  });

  it('is refused when a commit that was read never becomes known', async () => {
    hold(own, 1);
    const late = {
      ...clock,
      after: (_ms: number, next: () => void) =>
        systemClock.after(0, () => {
          now += 200;
          next();
        }),
    };
    const impatient = new ReadTokens({ own, origins, registry, clock: late });
    await expect(impatient.after([{ origin: 99, seq: 1 }], new Map())).rejects.toMatchObject({
      code: 'database-busy',
    });
  });
});
