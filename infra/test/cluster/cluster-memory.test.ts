import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import {
  type ClusterMemory,
  keepMemory,
  nextMemory,
  readMemory,
  requireNewPrefix,
} from '../../src/cluster/cluster-memory.ts';
import { openDataDirectory } from '../../src/cluster/data-directory.ts';

const root = mkdtempSync(join(tmpdir(), 'dbsync-test-'));
afterAll(() => rmSync(root, { recursive: true }));

const memory: ClusterMemory = { cluster: 'dev-1a2b3c4d', replicas: 3, broker: 'java', topicPrefix: 'old.' };

describe("a cluster's memory", () => {
  it('is read back as it was kept', () => {
    const directory = openDataDirectory(join(root, 'kept'));
    expect(readMemory(directory)).toBeNull();
    keepMemory(directory, memory);
    expect(readMemory(directory)).toEqual(memory);
  });

  it('is refused in plain words when the file is damaged', () => {
    const directory = openDataDirectory(join(root, 'damaged'));
    writeFileSync(directory.memoryFile, '{"cluster":');
    expect(() => readMemory(directory)).toThrow(
      expect.objectContaining({ code: 'directory-refused', hint: expect.stringContaining('--fresh') }),
    );
  });

  it('gives a new cluster a name of its own and two replicas', () => {
    const first = nextMemory(null, {});
    expect(first).toMatchObject({ replicas: 2, broker: null, topicPrefix: '' });
    expect(first.cluster).toMatch(/^dev-[0-9a-f]{8}$/);
    expect(nextMemory(null, {}).cluster).not.toBe(first.cluster);
  });

  it('takes over another number of replicas and keeps it when none is given', () => {
    expect(nextMemory(memory, {})).toEqual(memory);
    expect(nextMemory(memory, { replicas: 5 })).toEqual({ ...memory, replicas: 5 });
  });

  it('refuses another topic prefix than that of the data', () => {
    expect(nextMemory(memory, { topicPrefix: 'old.' })).toEqual(memory);
    expect(() => nextMemory(memory, { topicPrefix: 'new.' })).toThrow(
      expect.objectContaining({ code: 'bad-usage', message: expect.stringContaining("'old.', not 'new.'") }),
    );
  });

  it('asks for new topics when an external broker is to be used afresh', () => {
    expect(() => requireNewPrefix(memory, 'new.')).not.toThrow();
    expect(() => requireNewPrefix(null, 'new.')).not.toThrow();
    for (const given of [undefined, 'old.']) {
      expect(() => requireNewPrefix(memory, given)).toThrow(
        expect.objectContaining({ code: 'bad-usage', hint: expect.stringContaining('--topic-prefix') }),
      );
    }
  });
});
