import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keptClusterId, mintClusterId, requireClusterId } from '../../src/broker/cluster-id.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'dbsync-test-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe("the Kafka cluster's id", () => {
  it('is minted once and kept', () => {
    const first = keptClusterId(join(folder, 'broker'));
    expect(keptClusterId(join(folder, 'broker'))).toBe(first);
    expect(first).toMatch(/^[A-Za-z0-9_][A-Za-z0-9_-]{21}$/);
  });

  it('never begins with a dash, which the tools take for an option', () => {
    const minted = Array.from({ length: 2000 }, mintClusterId);
    expect(minted.filter((id) => id.startsWith('-'))).toEqual([]);
    expect(new Set(minted).size).toBe(2000);
  });

  it('must be the one we know, or nothing is started', () => {
    const bootstrap = '127.0.0.1:9092';
    expect(() => requireClusterId({ expected: 'ours', found: 'ours', bootstrap })).not.toThrow();
    expect(() => requireClusterId({ expected: 'ours', found: 'theirs', bootstrap })).toThrow(
      expect.objectContaining({ code: 'wrong-broker', hint: expect.stringContaining('--kafka-port') }),
    );
  });
});
