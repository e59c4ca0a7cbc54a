import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type DevFile, readDevFile, removeDevFile, writeDevFile } from '../../src/cluster/dev-file.ts';

const root = mkdtempSync(join(tmpdir(), 'dbsync-test-'));
const path = join(root, 'dev.json');
afterAll(() => rmSync(root, { recursive: true }));

const contents: DevFile = {
  pid: 7,
  broker: { kind: 'java', bootstrap: '127.0.0.1:9092', pid: 8 },
  gateway: null,
  userService: { url: 'http://127.0.0.1:50001', pid: 9 },
  orderReplicas: [
    { replicaId: 'order-1', url: 'http://127.0.0.1:60001', pid: null, database: '/d/order-1/orders.db' },
  ],
};

describe('dev.json', () => {
  it('is replaced as a whole, leaving no temporary file, and read back', () => {
    writeDevFile(path, { ...contents, pid: 6 });
    writeDevFile(path, contents);
    expect(readDevFile(path)).toEqual(contents);
    expect(readdirSync(root)).toEqual(['dev.json']);
  });

  it('has null for the parts that are not there', () => {
    writeDevFile(path, { ...contents, broker: null, userService: null });
    expect(readDevFile(path)).toMatchObject({ broker: null, gateway: null, userService: null });
  });

  it('says where to look when it is missing or not understood', () => {
    writeFileSync(path, '{"pid": "seven"}');
    expect(() => readDevFile(path)).toThrow(expect.objectContaining({ code: 'not-found' }));
    removeDevFile(path);
    removeDevFile(path);
    expect(() => readDevFile(path)).toThrow(
      expect.objectContaining({ code: 'not-found', hint: expect.stringContaining('--data-dir') }),
    );
  });
});
