import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runSessions, sessionLines } from '../src/index.ts';

describe('clients of the gateway', () => {
  it('see their own writes and never an older answer, while replicas lag up to 500 ms and die', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'dbsync-sessions-'));
    const lines: string[] = [];
    try {
      const report = await runSessions({
        dataDir,
        rounds: 1000,
        clients: 32,
        seed: 1,
        maxLagMs: 500,
        killEveryMs: 4000,
        environment: process.env,
        onLine: (line) => {
          lines.push(line);
          if (lines.length > 400) lines.shift();
        },
      });
      console.log(sessionLines(report).join('; '));
      expect(report.breaches).toEqual([]);
      expect(report.rounds).toBe(1000);
      // Two a round, and one through the user-service in every fourth: each of them was judged.
      expect(report.reads).toBe(2250);
      expect(report.kills).toBeGreaterThan(0);
      expect(report.lagChanges).toBeGreaterThan(5);
      expect(report.relinks).toBe(0);
      expect(report.longestToken).toBeLessThan(3800);
    } catch (error) {
      console.error(`last lines:\n${lines.join('\n')}`);
      throw error;
    } finally {
      rmSync(dataDir, { recursive: true, force: true });
    }
  });
});
