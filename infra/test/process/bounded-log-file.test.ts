import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { BoundedLogFile } from '../../src/process/bounded-log-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'dbsync-test-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('a bounded log file', () => {
  it('keeps the newest lines and never grows beyond twice its limit', () => {
    const path = join(folder, 'deep', 'broker.log');
    const file = new BoundedLogFile({ path, maxBytes: 1000 });
    for (let line = 1; line <= 500; line += 1) file.write(`line ${line}`);
    file.close();
    expect(statSync(path).size + statSync(`${path}.1`).size).toBeLessThanOrEqual(2000);
    expect(readFileSync(path, 'utf8')).toMatch(/line 500\n$/);
    expect(file.recentLines().at(0)).toBe('line 481');
  });

  it('goes on where an earlier one ended', () => {
    const path = join(folder, 'again.log');
    for (const line of ['first', 'second']) {
      const file = new BoundedLogFile({ path });
      file.write(line);
      file.close();
    }
    expect(readFileSync(path, 'utf8')).toBe('first\nsecond\n');
  });
});
