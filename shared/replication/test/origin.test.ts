import { describe, expect, it } from 'vitest';
import { isOrigin, mintOrigin, replicaOf, runOf } from '../src/origin.ts';
import { systemRandom } from '../src/surroundings.ts';
import { originName, SimulatedClock } from '../testing/index.ts';

describe('an origin', () => {
  it('is never minted twice, not even within one millisecond', () => {
    const world = { clock: new SimulatedClock(), random: systemRandom };
    const minted = Array.from({ length: 1000 }, () => mintOrigin('order-1', world));
    expect(new Set(minted).size).toBe(1000);
    expect(minted.every(isOrigin)).toBe(true);
  });

  it('of a later run of one replica is the larger one', () => {
    const clock = new SimulatedClock();
    const world = { clock, random: systemRandom };
    const first = mintOrigin('order-1', world);
    clock.advance(1);
    expect(runOf(mintOrigin('order-1', world)) > runOf(first)).toBe(true);
  });

  it('takes its randomness from outside, so that a seed gives the same names', () => {
    const clock = new SimulatedClock();
    const random = { bytes: (size: number) => Buffer.alloc(size, 7) };
    expect(mintOrigin('a', { clock, random })).toBe(mintOrigin('a', { clock, random }));
  });

  it('tells its replica and its run, dots in the replica id included', () => {
    expect(replicaOf(originName('eu.order-1'))).toBe('eu.order-1');
    expect(runOf(originName('eu.order-1', 3))).toBe('01J00000000000000000000003');
  });

  it.each(['a', 'order-1', 'A.b_c-9', 'x'.repeat(64)])('is recognised: %s', (replicaId) => {
    expect(isOrigin(originName(replicaId))).toBe(true);
  });

  it.each([
    '',
    'order-1',
    '.01J00000000000000000000001',
    '-a.01J00000000000000000000001',
    'a b.01J00000000000000000000001',
    'a.01j00000000000000000000001',
    'a.81J00000000000000000000001',
    'a.01J0000000000000000000000I',
    'a.01J0000000000000000000000',
    'a.01J00000000000000000000001\n',
    `${'x'.repeat(65)}.01J00000000000000000000001`,
  ])('is not recognised: %j', (name) => {
    expect(isOrigin(name)).toBe(false);
  });

  it('sorts behind earlier runs although the clock has gone back by an hour since', () => {
    const clock = new SimulatedClock();
    const world = { clock, random: systemRandom };
    const names = [mintOrigin('order-1', world)];
    clock.jumpWall(-3_600_000);
    for (let i = 0; i < 5; i += 1) names.push(mintOrigin('order-1', world, names));
    expect([...names].sort()).toEqual(names);
    expect(names.every(isOrigin)).toBe(true);
    // Runs of others say nothing about this clock.
    expect(runOf(mintOrigin('order-2', world, names)) < runOf(names[0] ?? '')).toBe(true);
  });

  it('is refused for a replica id that its peers would not recognise', () => {
    const world = { clock: new SimulatedClock(), random: systemRandom };
    expect(() => mintOrigin('a b', world)).toThrow(/replica id 'a b'/);
  });
});
