import { describe, expect, it } from 'vitest';
import { readBenchOptions } from '../../src/bench/bench-options.ts';
import { measures } from '../../src/bench/measures.ts';

describe('the command line of the bench', () => {
  it('runs everything, in full, unless told otherwise', () => {
    expect(readBenchOptions([])).toMatchObject({ measures, isQuick: false, isJson: false, isHelp: false });
    expect(readBenchOptions(['--', '--quick', '--json'])).toMatchObject({ isQuick: true, isJson: true });
  });

  it('takes the measures that are named, in their order', () => {
    const { measures: chosen } = readBenchOptions(['--only', 'read-path, write-path']);
    expect(chosen.map(({ name }) => name)).toEqual(['read-path', 'write-path']);
  });

  it('shows earlier results instead of measuring when it is given some', () => {
    expect(readBenchOptions([]).tableOf).toBeUndefined();
    expect(readBenchOptions(['--table', '/tmp/a.json, /tmp/b.json']).tableOf).toEqual([
      '/tmp/a.json',
      '/tmp/b.json',
    ]);
  });

  it.each([[['--only', 'speed']], [['--quickly']], [['fast']]])('refuses %j', (args) => {
    expect(() => readBenchOptions(args)).toThrow(expect.objectContaining({ code: 'bad-usage' }));
  });

  it('knows every measure by a name of its own', () => {
    expect(new Set(measures.map(({ name }) => name)).size).toBe(measures.length);
  });
});
