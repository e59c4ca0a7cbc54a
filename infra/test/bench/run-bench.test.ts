import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BenchGround } from '../../src/bench/bench-ground.ts';
import type { BenchRow } from '../../src/bench/bench-row.ts';
import { contest } from '../../src/bench/contest.ts';
import type { Measure } from '../../src/bench/measures.ts';
import { runBench } from '../../src/bench/run-bench.ts';
import { startService } from '../../src/bench/services.ts';

let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'dbsync-bench-'));
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

async function bench(
  measures: readonly Measure[],
  signal = new AbortController().signal,
): Promise<{ rows: BenchRow[]; progress: string[]; error: unknown }> {
  const rows: BenchRow[] = [];
  const progress: string[] = [];
  const error = await runBench({
    measures,
    dataDir,
    isQuick: true,
    environment: process.env,
    onProgress: (sentence) => void progress.push(sentence),
    onRow: (row) => void rows.push(row),
    signal,
  }).catch((reason: unknown) => reason);
  return { rows, progress, error };
}

const one: Measure = {
  name: 'one',
  run: async () => [{ measure: 'one', unit: '/s', ours: 2, limit: 1, goal: { kind: 'at least', value: 1 } }],
};

describe('a run of the bench', () => {
  it('measures a real service against a limit, and leaves neither processes nor files', async () => {
    const pids: number[] = [];
    const tiny: Measure = {
      name: 'tiny',
      run: async (ground: BenchGround) => {
        const file = join(ground.folder('tiny'), 'orders.db');
        const idle = await ground.start<{ url: string }>('service', { kind: 'idle', file: '' });
        pids.push(idle.pid);
        const start = async (task: object) => ({ urls: [(await startService(ground, task)).url] });
        const { replica, nothing } = await contest(ground, {
          kind: 'post',
          contenders: {
            replica: { ...(await start({ kind: 'replica', file })), untilHeld: true },
            nothing: await start({ kind: 'idle', file: '' }),
          },
          pace: { rounds: 1, seconds: 0.2 },
        });
        const goal = { kind: 'at least', value: 0 } as const;
        return [{ measure: 'tiny', unit: '/s', ours: replica, limit: nothing, goal }];
      },
    };
    const { rows, error } = await bench([tiny]);
    expect(error).toBeUndefined();
    expect(rows).toEqual([expect.objectContaining({ measure: 'tiny', goal: 'ratio >= 0', met: true })]);
    expect(rows[0]?.ours).toBeGreaterThan(0);
    expect(rows[0]?.limit).toBeGreaterThan(0);
    expect(readdirSync(dataDir)).toEqual([]);
    for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow();
  });

  it('says what could not be measured, after everything else', async () => {
    const broken: Measure = {
      name: 'broken',
      run: async (ground) => {
        await ground.run('fillDatabase', { file: '/dev/null/orders.db', rows: 1, users: 1 });
        return [];
      },
    };
    const { rows, error, progress } = await bench([broken, one]);
    expect(rows.map(({ measure }) => measure)).toEqual(['one']);
    expect(error).toMatchObject({ code: 'bench-failed', message: 'Not measured: broken.' });
    expect(progress.join('\n')).toMatch(/broken: failed: The program fillDatabase ended with exit code 1/);
  });

  it('ends its programs when it is called off', async () => {
    const calledOff = new AbortController();
    let pid = 0;
    const endless: Measure = {
      name: 'endless',
      run: async (ground) => {
        ({ pid } = await ground.start('service', { kind: 'idle', file: '' }));
        calledOff.abort();
        await ground.start('service', { kind: 'idle', file: '' });
        return [];
      },
    };
    const { rows, error } = await bench([endless, one], calledOff.signal);
    expect(rows).toEqual([]);
    expect(error).toMatchObject({ name: 'AbortError' });
    expect(() => process.kill(pid, 0)).toThrow();
  });
});
