import { describe, expect, it } from 'vitest';
import { Keeper, type KeptLife } from '../../src/process/keeper.ts';

/** Lives that end when the test says so; no processes. */
function setUp(options: { readonly isRestarting: boolean; readonly failures?: number }) {
  const ends: ((how: string) => void)[] = [];
  const deaths: string[] = [];
  let failures = options.failures ?? 0;
  const keeper = new Keeper({
    name: 'order-1',
    isRestarting: options.isRestarting,
    stopGraceMs: 1000,
    onDeath: (sentence) => deaths.push(sentence),
    onChange: () => undefined,
    begin: async (): Promise<KeptLife> => {
      if (ends.length > 0 && failures > 0) {
        failures -= 1;
        throw new Error('the port is taken');
      }
      let end: (how: string) => void = () => undefined;
      const ended = new Promise<string>((resolve) => {
        end = resolve;
      });
      ends.push(end);
      return {
        pid: 100 + ends.length,
        ended,
        signal: (name) => end(name),
        stop: async () => end('exit code 0'),
      };
    },
  });
  return { keeper, ends, deaths };
}

const untilPid = (keeper: Keeper, pid: number | null): Promise<void> =>
  expect.poll(() => keeper.pid, { timeout: 20_000 }).toBe(pid);

describe('keeping a process going', () => {
  it('begins it again after a death, with a pause that doubles', async () => {
    const { keeper, deaths } = setUp({ isRestarting: true });
    await keeper.start();
    keeper.kill('SIGKILL');
    await untilPid(keeper, 102);
    keeper.kill('SIGSEGV');
    await untilPid(keeper, 103);
    expect(deaths).toEqual([
      'order-1 ended unexpectedly (SIGKILL); starting it again in 250 ms.',
      'order-1 ended unexpectedly (SIGSEGV); starting it again in 500 ms.',
    ]);
    await keeper.stop();
    expect(keeper.pid).toBeNull();
  });

  it('tries again when it does not come back', async () => {
    const { keeper, deaths } = setUp({ isRestarting: true, failures: 1 });
    await keeper.start();
    keeper.kill('SIGKILL');
    await untilPid(keeper, 102);
    expect(deaths[1]).toBe('order-1 does not come back: the port is taken; trying again.');
    await keeper.stop();
  });

  it('reports a death and leaves it at that where restarts are off', async () => {
    const { keeper, deaths } = setUp({ isRestarting: false });
    await keeper.start();
    keeper.kill('SIGKILL');
    await untilPid(keeper, null);
    expect(deaths).toEqual(['order-1 ended unexpectedly (SIGKILL); it stays down.']);
    await keeper.restart();
    expect(keeper.pid).toBe(102);
    await keeper.stop();
  });

  it('does not count an end that was asked for as a death', async () => {
    const { keeper, deaths } = setUp({ isRestarting: false });
    await keeper.start();
    await keeper.restart();
    await untilPid(keeper, 102);
    await keeper.stop();
    expect(deaths).toEqual([]);
  });

  it('cuts a pause short when it is asked to restart', async () => {
    const { keeper } = setUp({ isRestarting: true });
    await keeper.start();
    for (let pid = 101; pid <= 106; pid += 1) {
      await untilPid(keeper, pid);
      keeper.kill('SIGKILL');
      await untilPid(keeper, null);
      // Without it the last pause would be 5 s, and all of them 13 s.
      await keeper.restart();
    }
    await untilPid(keeper, 107);
    await keeper.stop();
  }, 8000);

  it('keeps it down after it was taken down, also in the middle of a pause, until it is wanted again', async () => {
    const { keeper, ends, deaths } = setUp({ isRestarting: true });
    await keeper.start();
    await keeper.takeDown('SIGKILL');
    expect([keeper.pid, ends.length, deaths]).toEqual([null, 1, []]);
    await keeper.restart();
    expect(keeper.pid).toBe(102);
    keeper.kill('SIGKILL');
    await untilPid(keeper, null);
    await keeper.takeDown('SIGTERM');
    expect(ends.length).toBe(2);
    await keeper.restart();
    keeper.kill('SIGKILL');
    await untilPid(keeper, 104);
    await keeper.stop();
  });

  it('stops in the middle of a pause without beginning again', async () => {
    const { keeper, ends } = setUp({ isRestarting: true });
    await keeper.start();
    keeper.kill('SIGKILL');
    await untilPid(keeper, null);
    await keeper.stop();
    expect(ends.length).toBe(1);
  });

  it('throws what the very first start throws', async () => {
    const keeper = new Keeper({
      name: 'x',
      isRestarting: true,
      stopGraceMs: 0,
      onDeath: () => undefined,
      onChange: () => undefined,
      begin: () => Promise.reject(new Error('no')),
    });
    await expect(keeper.start()).rejects.toThrow('no');
    await keeper.stop();
  });
});
