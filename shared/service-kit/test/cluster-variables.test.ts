import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { ConfigurationError, clusterSecret, clusterVariables, readEnvironment } from '../src/index.ts';

const schema = z.object(clusterVariables);

describe('clusterVariables', () => {
  it('has defaults for the database and the topic prefix only', () => {
    expect(readEnvironment(schema, {})).toEqual({ DBSYNC_DATABASE: 'orders', DBSYNC_TOPIC_PREFIX: '' });
  });

  it('refuses names that cannot be part of a topic', () => {
    const env = { DBSYNC_CLUSTER: 'a b', DBSYNC_DATABASE: 'Orders', DBSYNC_TOPIC_PREFIX: 'a/' };
    expect(() => readEnvironment(schema, env)).toThrow(ConfigurationError);
    expect(() => readEnvironment(schema, env)).toThrow(
      /DBSYNC_CLUSTER: [\s\S]*DBSYNC_DATABASE: [\s\S]*DBSYNC_TOPIC_PREFIX: /,
    );
  });
});

describe('clusterSecret', () => {
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'service-kit-secret-'));
    file = path.join(folder, 'secret');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('is what DBSYNC_SECRET says, or undefined', () => {
    expect(clusterSecret({})).toBeUndefined();
    expect(clusterSecret({ DBSYNC_SECRET: '0123456789abcdef' })).toBe('0123456789abcdef');
  });

  it('is the trimmed content of DBSYNC_SECRET_FILE', () => {
    writeFileSync(file, '  0123456789abcdef\n');
    expect(clusterSecret({ DBSYNC_SECRET_FILE: file })).toBe('0123456789abcdef');
  });

  it('refuses both at once, a file that is missing, and a secret that is too short, without showing it', () => {
    expect(() => clusterSecret({ DBSYNC_SECRET: '0123456789abcdef', DBSYNC_SECRET_FILE: file })).toThrow(
      'not both',
    );
    expect(() => clusterSecret({ DBSYNC_SECRET_FILE: file })).toThrow(`${file} cannot be read (ENOENT)`);
    writeFileSync(file, 'short\n');
    expect(() => clusterSecret({ DBSYNC_SECRET_FILE: file })).toThrow(
      'holds 5 characters; expected at least 16',
    );
  });
});
