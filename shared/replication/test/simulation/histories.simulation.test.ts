/**
 * Seeded histories of whole clusters: the figures of every CI run. A seed that failed once is kept, as the plan it was
 * shrunk to, in `regression-seeds/`, and run again here.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { describe, expect, it } from 'vitest';
import { MAX_SEEDS, type Plan, runAlone, runCampaign } from '../../simulation/index.ts';
import { steps } from '../../src/surroundings.ts';

/** Those among which a planted bug is caught: that they pass without it is shown here. */
const HISTORIES = MAX_SEEDS;
const kept = new URL('../../regression-seeds/', import.meta.url);

describe('a seed', () => {
  it('decides everything: the same one gives the same history, with either driver, and another one another', async () => {
    const [once, again, driven, other] = await Promise.all([
      runAlone({ seed: '31' }),
      runAlone({ seed: '31' }),
      runAlone({ seed: '31', sqliteClient: 'sqlite3' }),
      runAlone({ seed: '32' }),
    ]);
    expect(again).toEqual(once);
    expect(driven).toEqual(once);
    expect(other?.fingerprint).not.toBe(once?.fingerprint);
  });
});

describe('plans that failed once', () => {
  const files = readdirSync(kept).filter((name) => name.endsWith('.plan.json'));
  it.concurrent.each(files)('%s passes', async (file) => {
    const { plan } = JSON.parse(readFileSync(new URL(file, kept), 'utf8')) as { plan: Plan };
    expect((await runAlone({ plan })).violations).toEqual([]);
  });
});

describe(`${HISTORIES} histories`, () => {
  it('end with equal replicas that hold every acknowledged row once, and every fault took hold', async () => {
    const report = await runCampaign({ firstSeed: 1, histories: HISTORIES, workers: availableParallelism() });
    const told = [...report.failed, ...report.inconclusive].map(({ seed, violations, faults }) => ({
      replay: `pnpm simulate --seed ${seed} --trace`,
      violations,
      faults,
    }));
    expect(told).toEqual([]);
    expect(report.passed).toBe(HISTORIES);
    expect(report.fewest.operations).toBeGreaterThanOrEqual(200);
    expect(report.fewest.faults).toBeGreaterThanOrEqual(10);
    expect(Object.keys(report.crashes)).toEqual(expect.arrayContaining([...steps]));
  }, 2_400_000);
});
