import { describe, expect, it } from 'vitest';
import { closingLines, isPassed, judgeSummary, parseSummary } from '../../src/test-run/test-summary.ts';

const good = { passed: 3, failed: 0, skipped: [], problems: [] };

describe('the summary of a run', () => {
  it('is good only when tests ran, all of them passed, and vitest agrees', () => {
    expect(isPassed(judgeSummary(good, 0))).toBe(true);
    expect(isPassed(judgeSummary({ ...good, passed: 0 }, 0))).toBe(false);
    expect(isPassed(judgeSummary({ ...good, failed: 1 }, 1))).toBe(false);
    expect(isPassed(judgeSummary({ ...good, problems: ['x'] }, 0))).toBe(false);
    expect(judgeSummary(good, 1).problems).toEqual(['vitest ended with exit code 1, though no test failed']);
    expect(judgeSummary(good, null).problems).toEqual([
      'vitest ended with exit code none, though no test failed',
    ]);
  });

  it('does not count one failure twice', () => {
    expect(judgeSummary({ ...good, failed: 2 }, 1).problems).toEqual([]);
    expect(judgeSummary({ ...good, passed: 0, problems: ['a file does not load'] }, 1).problems).toEqual([
      'a file does not load',
    ]);
  });

  it('is a failure when there is none, or none that can be understood', () => {
    for (const text of [null, '', '{"passed":1', '{"passed":"many"}']) {
      expect(closingLines(parseSummary(text)).at(-1)).toBe('0 passed, 1 failed');
    }
    expect(parseSummary(JSON.stringify(good))).toEqual(good);
  });
});
