import { describe, expect, it } from 'vitest';
import { readSessionOptions, sessionLines } from '../../src/sessions/session-options.ts';

describe('the command line of pnpm sessions', () => {
  it('asks for ten thousand rounds with lag and kills unless told otherwise', () => {
    expect(readSessionOptions([])).toEqual({
      rounds: 10_000,
      clients: 32,
      seed: 1,
      maxLagMs: 500,
      killEveryMs: 5000,
      log: undefined,
      isHelp: false,
    });
    expect(readSessionOptions('-- --rounds 5 --kill-every 0'.split(' '))).toMatchObject({
      rounds: 5,
      killEveryMs: Number.POSITIVE_INFINITY,
    });
  });

  it.each([[['--rounds', 'many']], [['--clients', '0']], [['--round', '1']], [['--seed', '1.5']]])(
    'refuses %j',
    (args) => {
      expect(() => readSessionOptions(args)).toThrow(expect.objectContaining({ code: 'bad-usage' }));
    },
  );

  it('says in the last line whether every promise was kept', () => {
    const report = {
      breaches: [],
      rounds: 1,
      reads: 2,
      kills: 0,
      lagChanges: 0,
      failures: new Map([['GET 503', 3]]),
      longestToken: 40,
      longestWaitMs: 1234,
      relinks: 0,
      seconds: 1,
    };
    expect(sessionLines({ ...report, relinks: 2 })).toContain('logs taken for another one: 2');
    expect(sessionLines(report).at(-1)).toBe('every promise was kept');
    expect(sessionLines(report).join()).toContain('3 × GET 503; longest wait: 1.2 s');
    const broken = { ...report, breaches: [{ kind: 'lost' as const, what: 'o1 for k' }] };
    expect(sessionLines(broken).slice(-2)).toEqual(['lost: o1 for k', '1 promises were broken']);
  });
});
