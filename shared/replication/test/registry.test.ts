import { beforeEach, describe, expect, it } from 'vitest';
import { Registry } from '../src/registry.ts';
import { beatOf, originName, SimulatedClock } from '../testing/index.ts';

const a = originName('a');
const b = originName('b');
let clock: SimulatedClock;
let registry: Registry;
let beats: Map<string, number>;

beforeEach(() => {
  clock = new SimulatedClock();
  registry = new Registry(clock);
  beats = new Map();
});

/** One beat of each, a second after the last one. */
function hear(...origins: string[]): void {
  clock.advance(1000);
  for (const origin of origins) {
    const beat = (beats.get(origin) ?? 0) + 1;
    beats.set(origin, beat);
    registry.hear(beatOf(origin, beat));
  }
}
const alive = (): string[] => registry.live().map(({ replicaId }) => replicaId);

describe('a replica is alive', () => {
  it('after its second, newer beat: the first one may be an old record', () => {
    hear(a);
    expect(alive()).toEqual([]);
    registry.hear(beatOf(a, 1));
    expect(alive()).toEqual([]);
    hear(a);
    expect(alive()).toEqual(['a']);
    expect(registry.live()[0]).toMatchObject({ origin: a, url: `http://127.0.0.1:1/${a}`, state: 'live' });
  });

  it('until it is silent for five seconds while others are heard', () => {
    for (let i = 0; i < 3; i += 1) hear(a, b);
    for (let i = 0; i < 4; i += 1) hear(b);
    expect(alive()).toEqual(['a', 'b']);
    hear(b);
    expect(alive()).toEqual(['b']);
    hear(a, b);
    expect(alive()).toEqual(['a', 'b']);
  });

  it('until its goodbye, whatever is read again afterwards', () => {
    for (let i = 0; i < 3; i += 1) hear(a, b);
    registry.hear(beatOf(a, 4, { state: 'leaving' }));
    expect(alive()).toEqual(['b']);
    registry.hear(beatOf(a, 2));
    registry.hear(beatOf(a, 3));
    expect(alive()).toEqual(['b']);
  });

  it('as long as nobody at all is heard: then the channel is away, not everybody', () => {
    for (let i = 0; i < 3; i += 1) hear(a, b);
    clock.advance(3_600_000);
    expect(alive()).toEqual(['a', 'b']);
    hear(b);
    expect(alive()).toEqual(['a', 'b']);
    for (let i = 0; i < 5; i += 1) hear(b);
    expect(alive()).toEqual(['b']);
  });

  it('with what its newest beat said, older ones do not count', () => {
    hear(a);
    registry.hear(beatOf(a, 7, { published: 70 }));
    registry.hear(beatOf(a, 6, { published: 60 }));
    expect(registry.live()[0]?.announcement.published).toBe(70);
  });

  it('whatever the wall clocks say', () => {
    hear(a, b);
    clock.jumpWall(3_600_000);
    hear(a, b);
    clock.jumpWall(-7_200_000);
    expect(alive()).toEqual(['a', 'b']);
  });
});

describe('two runs of one replica id', () => {
  it('are both kept, and whoever asks by replica id gets the later one', () => {
    const later = originName('a', 2);
    for (let i = 0; i < 2; i += 1) hear(later, a);
    expect(registry.live().map(({ origin }) => origin)).toEqual([later]);
    expect(registry.liveOrigins().sort()).toEqual([a, later]);
  });
});

describe('the silence of a replica id', () => {
  it('counts only while others are heard', () => {
    hear(a, b);
    for (let i = 0; i < 10; i += 1) hear(b);
    expect(registry.silenceMs('a')).toBe(10_000);
    clock.advance(1_000_000);
    expect(registry.silenceMs('a')).toBe(10_000);
    expect(registry.silenceMs('b')).toBe(0);
  });

  it('of one that was never heard counts from the beginning', () => {
    for (let i = 0; i < 3; i += 1) hear(b);
    expect(registry.silenceMs('x')).toBeGreaterThanOrEqual(2000);
  });
});

describe('the registry', () => {
  it('knows everybody once it has listened for as long as a silence lasts', () => {
    clock.advance(1_000_000);
    expect(registry.knowsEverybody).toBe(false);
    for (let i = 0; i < 10 && !registry.knowsEverybody; i += 1) hear(b);
    expect((beats.get(b) ?? 0) * 1000).toBeGreaterThanOrEqual(3500);
    expect(registry.knowsEverybody).toBe(true);
  });

  it('remembers a bounded number of origins and forgets the longest silent ones', () => {
    hear(a);
    hear(a);
    for (let i = 0; i < 1000; i += 1) registry.hear(beatOf(`r${i}.${a.slice(2)}`, 1));
    expect(registry.liveOrigins()).toEqual([]);
    hear(b);
    hear(b);
    expect(alive()).toEqual(['b']);
  });
});

describe('two runs of one replica id', () => {
  const [first, second] = [originName('a', 1), originName('a', 2)];
  const twins = (): string[] => registry.twins().flatMap(({ origins }) => origins);

  it('that take turns are twins, until one falls silent', () => {
    hear(first, b);
    hear(first, second, b);
    expect(twins()).toEqual([]);
    hear(first, second, b);
    expect(twins()).toEqual([first, second]);
    for (let i = 0; i < 6; i += 1) hear(second, b);
    expect(twins()).toEqual([]);
  });

  it('one after the other are a restart, even while the earlier one still counts as alive', () => {
    for (let i = 0; i < 3; i += 1) hear(first, b);
    for (let i = 0; i < 3; i += 1) hear(second, b);
    expect(registry.liveOrigins()).toContain(first);
    expect(twins()).toEqual([]);
  });

  it('are no twins any more after the goodbye of one', () => {
    for (let i = 0; i < 3; i += 1) hear(first, second);
    expect(twins()).toEqual([first, second]);
    registry.hear(beatOf(first, 9, { state: 'leaving' }));
    expect(twins()).toEqual([]);
  });
});
