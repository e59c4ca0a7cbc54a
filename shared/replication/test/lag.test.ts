import { describe, expect, it } from 'vitest';
import { LagMeter } from '../src/lag.ts';

const at =
  (...next: number[]) =>
  (partition: number): number =>
    next[partition] ?? 0;

describe('lag', () => {
  it('is unknown before an end was seen and after everything was forgotten', () => {
    const lag = new LagMeter();
    expect(lag.lag(at(0), 5)).toBeUndefined();
    lag.saw(0, 3, 5);
    expect(lag.lag(at(3), 5)).toEqual({ records: 0, ms: 0 });
    lag.forget();
    expect(lag.lag(at(3), 5)).toBeUndefined();
    expect(lag.end(0)).toBeUndefined();
  });

  it('counts records over all partitions, and time since the oldest end beyond a position', () => {
    const lag = new LagMeter();
    lag.saw(0, 10, 100);
    lag.saw(1, 5, 300);
    expect(lag.lag(at(4, 5), 1000)).toEqual({ records: 6, ms: 900 });
    lag.saw(1, 8, 900);
    expect(lag.lag(at(10, 5), 1000)).toEqual({ records: 3, ms: 100 });
    expect(lag.lag(at(10, 8), 1000)).toEqual({ records: 0, ms: 0 });
  });

  it('begins anew with each end: having caught up once, it does not remember older ones', () => {
    const lag = new LagMeter();
    lag.saw(0, 10, 0);
    lag.saw(0, 20, 500);
    expect(lag.lag(at(9), 600)?.ms).toBe(600);
    expect(lag.lag(at(10), 600)?.ms).toBe(100);
    lag.saw(0, 20, 700);
    expect(lag.lag(at(10), 800)?.ms).toBe(300);
  });

  it('shows time, too, when a position has gone back behind an end seen long ago', () => {
    const lag = new LagMeter();
    lag.saw(0, 10, 0);
    expect(lag.lag(at(10), 100)).toEqual({ records: 0, ms: 0 });
    lag.lag(at(4), 200);
    expect(lag.lag(at(4), 500)).toEqual({ records: 6, ms: 300 });
  });

  it('remembers a bounded number of ends and then looks a little older, never younger', () => {
    const lag = new LagMeter();
    for (let i = 1; i <= 5000; i += 1) lag.saw(0, i, i);
    expect(lag.lag(at(0), 5000)).toEqual({ records: 5000, ms: 4999 });
    expect(lag.lag(at(2500), 5000)?.ms).toBeGreaterThanOrEqual(2499);
    expect(lag.lag(at(4999), 5000)?.ms).toBe(0);
  });
});
