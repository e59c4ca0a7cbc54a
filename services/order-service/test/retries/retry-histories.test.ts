import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { newDirectory, stopEverything } from '../running-service.ts';
import { playRetries, type RetryHistory } from './retry-history.ts';

afterAll(stopEverything);

const HISTORIES = 20;

describe('clients that repeat everything, to several replicas at once, while these lag, die and start again', () => {
  const played: RetryHistory[] = [];

  it(`get one order a key, always see it, and are refused with another body: ${HISTORIES} histories`, async () => {
    const root = newDirectory();
    for (let seed = 1; seed <= HISTORIES; seed += 1) {
      const history = await playRetries({ seed, root: path.join(root, String(seed)) });
      expect(history.breaches, `seed ${seed}`).toEqual([]);
      played.push(history);
    }
  });

  it('have met everything that this is about', () => {
    const sum = (of: (history: RetryHistory) => number): number =>
      played.reduce((total, history) => total + of(history), 0);
    const sums = {
      placed: sum(({ counts }) => counts.placed),
      refused: sum(({ counts }) => counts.refused),
      read: sum(({ counts }) => counts.read),
      unanswered: sum(({ counts }) => counts.unanswered),
      superseded: sum(({ superseded }) => superseded),
      faults: sum(({ faults }) => faults),
    };
    console.log(`retries: ${JSON.stringify(sums)}`);
    for (const [what, least] of [
      ['placed', 200],
      ['refused', 50],
      ['read', 100],
      ['superseded', 20],
      ['faults', HISTORIES],
    ] as const)
      expect(sums[what], what).toBeGreaterThan(least);
    expect(sums.unanswered).toBeLessThan(sums.placed / 10);
  });
});
