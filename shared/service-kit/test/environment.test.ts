import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { ConfigurationError, integerVariable, readEnvironment, serviceVariables } from '../src/index.ts';

const schema = z.object({
  ...serviceVariables,
  DATABASE_FILE: z.string().describe('the path of the database file'),
  DBSYNC_SECRET: z.string().min(16).optional().describe('at least 16 characters'),
  DBSYNC_TOKEN_WAIT_MS: integerVariable({ min: 0, max: 60_000 })
    .default(2_000)
    .describe('milliseconds, 0..60000'),
});

function problemsOf(env: Record<string, string | undefined>): readonly string[] {
  try {
    readEnvironment(schema, env);
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems;
    throw error;
  }
  return [];
}

describe('readEnvironment', () => {
  it('returns typed values and defaults', () => {
    expect(readEnvironment(schema, { PORT: '60001', DATABASE_FILE: '/data/a.db', PATH: '/bin' })).toEqual({
      HOST: '127.0.0.1',
      PORT: 60_001,
      LOG_LEVEL: 'info',
      STOP_GRACE_MS: 1000,
      DATABASE_FILE: '/data/a.db',
      DBSYNC_TOKEN_WAIT_MS: 2_000,
    });
  });

  it('names every bad variable at once, one a line, with what is expected', () => {
    const problems = problemsOf({ PORT: '99999', LOG_LEVEL: 'loud', DBSYNC_TOKEN_WAIT_MS: '-1' });
    expect(problems).toHaveLength(4);
    expect(problems.find((line) => line.startsWith('PORT:'))).toMatch(/is "99999"; expected .*0\.\.65535/);
    expect(problems.find((line) => line.startsWith('LOG_LEVEL:'))).toMatch(
      /is "loud"; expected one of fatal/,
    );
    expect(problems.find((line) => line.startsWith('DATABASE_FILE:'))).toMatch(
      /is not set; expected the path/,
    );
    expect(problems.find((line) => line.startsWith('DBSYNC_TOKEN_WAIT_MS:'))).toMatch(
      /is "-1"; expected millis/,
    );
  });

  it('has every problem in the message, one a line', () => {
    const error = new ConfigurationError(['A: is bad', 'B: is bad']);
    expect(error.message.split('\n').slice(1)).toEqual(['  A: is bad', '  B: is bad']);
  });

  it('takes an empty string for unset', () => {
    const config = readEnvironment(schema, {
      PORT: '0',
      DATABASE_FILE: 'a.db',
      HOST: '',
      DBSYNC_TOKEN_WAIT_MS: '',
    });
    expect(config.HOST).toBe('127.0.0.1');
    expect(config.DBSYNC_TOKEN_WAIT_MS).toBe(2_000);
    expect(problemsOf({ PORT: '', DATABASE_FILE: 'a.db' })).toEqual([
      expect.stringMatching(/^PORT: is not set/),
    ]);
  });

  it('refuses an unknown DBSYNC_ name, also an empty one, and suggests the nearest', () => {
    const env = { PORT: '0', DATABASE_FILE: 'a.db' };
    expect(problemsOf({ ...env, DBSYNC_TOKEN_WAIT: '5' })).toEqual([
      'DBSYNC_TOKEN_WAIT: is not a variable of this service; did you mean DBSYNC_TOKEN_WAIT_MS?',
    ]);
    expect(problemsOf({ ...env, DBSYNC_ZZZZZZZZZZZZZZZZZZZZZZZZ: '' })).toEqual([
      'DBSYNC_ZZZZZZZZZZZZZZZZZZZZZZZZ: is not a variable of this service',
    ]);
  });

  it('never shows the value of a secret', () => {
    const problems = problemsOf({ PORT: '0', DATABASE_FILE: 'a.db', DBSYNC_SECRET: 'tooshort' });
    expect(problems).toEqual([expect.stringMatching(/^DBSYNC_SECRET: .*8 characters, not shown/)]);
    expect(problems.join()).not.toContain('tooshort');
  });

  it('refuses numbers that are not plain digits', () => {
    for (const PORT of ['1e3', '0x10', ' 80', '80.0', '+80', '１']) {
      expect(problemsOf({ PORT, DATABASE_FILE: 'a.db' }), PORT).toHaveLength(1);
    }
  });
});
