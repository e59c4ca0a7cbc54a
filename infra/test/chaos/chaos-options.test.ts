import { describe, expect, it } from 'vitest';
import { readChaosOptions } from '../../src/chaos/chaos-options.ts';

describe('the command line of pnpm chaos', () => {
  it('has defaults for everything', () => {
    expect(readChaosOptions([])).toMatchObject({ seed: 1, minutes: 5, replicas: 3, ratePerSecond: 200 });
  });

  it('reads what is given', () => {
    const given = ['--seed', '9', '--minutes', '0.5', '--only', 'kill-broker,duplicates', '--json', 'x'];
    expect(readChaosOptions(given)).toMatchObject({
      seed: 9,
      minutes: 0.5,
      only: ['kill-broker', 'duplicates'],
      json: 'x',
    });
  });

  it.each([['--seed', 'x'], ['--seed', '1.5'], ['--replicas', '1'], ['--only', 'rain'], ['--unknown']])(
    'refuses %s %s',
    (...args) => {
      expect(() => readChaosOptions(args)).toThrow(expect.objectContaining({ code: 'bad-usage' }));
    },
  );
});
