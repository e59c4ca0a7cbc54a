/**
 * Shrinking, held against plans that fail for a reason that the test decides.
 */
import { expect, it } from 'vitest';
import { drawPlan, type HistoryResult, type Plan } from '../../simulation/index.ts';
import { shrinkPlan } from '../../simulation/shrink.ts';

const drawn = drawPlan('31');
const result = (rule: string | undefined): HistoryResult =>
  ({
    violations: rule === undefined ? [] : [{ rule, what: 'a row is missing' }],
  }) as unknown as HistoryResult;

it('leaves the one fault and the one operation that it takes', async () => {
  const fault = drawn.faults[7];
  const operation = drawn.operations[100];
  const isGuilty = ({ faults, operations }: Plan): boolean =>
    faults.some((one) => one === fault) && operations.some((one) => one === operation);
  const tried: Plan[] = [];
  const { plan, runs } = await shrinkPlan(drawn, result('I1'), async (smaller) => {
    tried.push(smaller);
    return result(isGuilty(smaller) ? 'I1' : undefined);
  });
  expect(plan).toEqual({ ...drawn, faults: [fault], operations: [operation] });
  expect(runs).toBe(tried.length);
  expect(runs).toBeLessThanOrEqual(120);
});

it('does not take another failure for the one that it makes smaller, and ends after 120 histories', async () => {
  const { plan, runs } = await shrinkPlan(drawn, result('I1'), async () => result('I9'));
  expect(runs).toBe(120);
  expect(plan).toEqual(drawn);
});
