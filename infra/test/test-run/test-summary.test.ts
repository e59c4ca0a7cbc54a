import { describe, expect, it } from 'vitest';
import { closingLines, isPassed, judgeSummary, parseSummary } from '../../src/test-run/test-summary.ts';

const good = { passed: 3, failed: 0, skipped: [], problems: [] };

describe('the summary of a run', () => {
  it('is good only when tests ran, all of them passed, and vitest agrees', () => {
    expect(isPassed(judgeSummary(good, { exitCode: 0, isCi: false }))).toBe(true);
    expect(isPassed(judgeSummary({ ...good, passed: 0 }, { exitCode: 0, isCi: false }))).toBe(false);
    expect(isPassed(judgeSummary({ ...good, failed: 1 }, { exitCode: 1, isCi: false }))).toBe(false);
    expect(isPassed(judgeSummary({ ...good, problems: ['x'] }, { exitCode: 0, isCi: false }))).toBe(false);
    expect(judgeSummary(good, { exitCode: 1, isCi: false }).problems).toEqual([
      'vitest ended with exit code 1, though no test failed',
    ]);
    expect(judgeSummary(good, { exitCode: null, isCi: false }).problems).toEqual([
      'vitest ended with exit code none, though no test failed',
    ]);
  });

  it('is good although tests were skipped, even all of them, and says why; not in CI', () => {
    const skipped = { ...good, passed: 0, skipped: [{ name: 'a', reason: 'no Docker engine answers' }] };
    const judged = judgeSummary(skipped, { exitCode: 0, isCi: false });
    expect(isPassed(judged)).toBe(true);
    expect(closingLines(judged)).toEqual([
      'skipped: a: no Docker engine answers',
      '0 passed, 0 failed, 1 skipped',
    ]);
    for (const passed of [0, 7]) {
      const inCi = judgeSummary({ ...skipped, passed }, { exitCode: 0, isCi: true });
      expect(closingLines(inCi)).toEqual([
        'skipped: a: no Docker engine answers',
        'failed: a: skipped, and in CI every test must run',
        `${passed} passed, 1 failed, 1 skipped`,
      ]);
    }
    expect(isPassed(judgeSummary(skipped, { exitCode: 1, isCi: false }))).toBe(false);
  });

  it('does not count one failure twice', () => {
    expect(judgeSummary({ ...good, failed: 2 }, { exitCode: 1, isCi: false }).problems).toEqual([]);
    expect(
      judgeSummary({ ...good, passed: 0, problems: ['a file does not load'] }, { exitCode: 1, isCi: false })
        .problems,
    ).toEqual(['a file does not load']);
  });

  it('is a failure when there is none, or none that can be understood', () => {
    for (const text of [null, '', '{"passed":1', '{"passed":"many"}']) {
      expect(closingLines(parseSummary(text)).at(-1)).toBe('0 passed, 1 failed');
    }
    expect(parseSummary(JSON.stringify(good))).toEqual(good);
  });
});
