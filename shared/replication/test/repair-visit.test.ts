import { beforeEach, describe, expect, it } from 'vitest';
import type { ChangeEvent } from '../src/change-event.ts';
import { Repair, type RepairOptions } from '../src/repair.ts';
import { silentLogger } from '../src/surroundings.ts';
import { ForeignRun, note, originName } from '../testing/index.ts';

/** What the peer needs for each page: less than for the time limit of one answer. */
const PAGE_MS = 4000;
const VISIT_MS = 10_000;

let nowMs: number;
let asked: { origin: string; after: number }[];
let held: Map<string, number>;
let stalled: string[];
let beat: number;

beforeEach(() => {
  nowMs = 0;
  asked = [];
  held = new Map();
  stalled = [];
  beat = 0;
});

/** Two runs of 20 rows that the peer has and this replica lacks. */
const runs = ['a', 'b'].map((id) => {
  const run = new ForeignRun(originName(id));
  return Array.from({ length: 20 }, (_, index) => run.write(note(`${id}-${index}`)));
});
const eventsOf = (origin: string): ChangeEvent[] => runs.find(([first]) => first?.origin === origin) ?? [];

/** Repair next to one peer that gives a row a page, slowly. */
function repairBesideSlowPeer(): Repair {
  const announcement = () => {
    beat += 1;
    return {
      state: 'live',
      lag: { records: 0, ms: 0 },
      ended: { origins: 2, digest: 'another', latest: {} },
      unpublished: 0,
      digest: 'another',
      beat,
    };
  };
  const options = {
    own: originName('own'),
    visitMs: VISIT_MS,
    origins: {
      get: (name: string) => (held.has(name) ? { seq: held.get(name), chain: Buffer.alloc(32) } : undefined),
      vector: () => ({}),
      lackedByLog: () => [],
    },
    applier: {
      stalls: () => stalled.map((origin) => ({ origin, reason: 'hole' })),
      applyFromPeer: async (events: ChangeEvent[]) => {
        for (const { origin, seq } of events) held.set(origin, seq);
        return { applied: events.length, isRewound: false };
      },
    },
    publisher: { unpublished: () => 0 },
    registry: {
      live: () => [
        { replicaId: 'p', origin: originName('p'), url: 'http://peer', announcement: announcement() },
      ],
    },
    callPeer: () => ({
      vector: async () =>
        Object.fromEntries(runs.map(([first]) => [first?.origin, { seq: 20, chain: '00'.repeat(32) }])),
      changes: async (origin: string, after: number) => {
        asked.push({ origin, after });
        nowMs += PAGE_MS;
        return eventsOf(origin).slice(after, after + 1);
      },
    }),
    world: { clock: { monotonic: () => nowMs }, logger: silentLogger },
    isQuiet: () => stalled.length === 0,
    isRunning: () => true,
    isCurrent: () => false,
    readAgain: () => undefined,
    wakePublisher: () => undefined,
  };
  return new Repair(options as unknown as RepairOptions);
}

describe('a visit at a peer that answers each page slowly', () => {
  it('for a stalled origin ends after its time, and the next look goes on where it ended', async () => {
    const repair = repairBesideSlowPeer();
    const origin = originName('a');
    stalled = [origin];
    await repair.step();
    expect(asked).toEqual([0, 1, 2].map((after) => ({ origin, after })));
    expect(repair.isDismissed(origin)).toBe(false);
    await repair.step();
    expect(asked.slice(3)).toEqual([3, 4, 5].map((after) => ({ origin, after })));
  });

  it('for all that the peer has more ends after its time, not after that of each origin', async () => {
    const repair = repairBesideSlowPeer();
    for (let look = 0; asked.length === 0 && look < 5; look += 1) await repair.step();
    expect(asked).toEqual([0, 1, 2].map((after) => ({ origin: originName('a'), after })));
  });
});
