import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { callDocker } from '../../src/broker/docker-cli.ts';
import { imageVersion } from '../../src/images/image-names.ts';
import { waitFor } from '../../src/index.ts';
import { findEngine } from '../../testing/containers/index.ts';

const engine = await findEngine();
const image = 'absent' in engine ? '' : engine.service;
let name: string;

beforeEach(({ skip }) => {
  if ('absent' in engine) skip(engine.absent);
  name = `dbsync-test-${randomBytes(4).toString('hex')}`;
});
afterEach(async ({ task }) => {
  if ('absent' in engine) return;
  if (task.result?.state === 'fail') console.error((await docker('logs', '--tail', '40', name)).output);
  await docker('rm', '--force', '--volumes', name);
});

const docker = (...args: string[]) => callDocker({ environment: process.env, args, timeoutMs: 30_000 });

/** Calls docker and gives what it printed. @throws Error when it fails. */
async function ask(...args: string[]): Promise<string> {
  const { exitCode, stdout, output } = await docker(...args);
  if (exitCode !== 0) throw new Error(`docker ${args.join(' ')}: ${output}`);
  return stdout.trim();
}

/** Starts a service with a read-only root and no capabilities, on a network without anybody. */
async function start(service: string): Promise<void> {
  const environment = {
    ...{ KAFKA_BROKERS: 'nobody.invalid:9092', DBSYNC_CLUSTER: 'image', REPLICA_ID: 'order-1' },
    DBSYNC_SECRET: randomBytes(32).toString('hex'),
  };
  const variables = Object.entries(environment).flatMap(([key, value]) => ['--env', `${key}=${value}`]);
  const restrictions = ['--read-only', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges'];
  await ask('run', '--detach', '--name', name, ...restrictions, ...variables, image, service);
}

async function untilHealthy(): Promise<void> {
  await waitFor({
    what: 'the health check of the image to pass',
    timeoutMs: 60_000,
    look: async () => {
      const health = await ask('inspect', '--format', '{{.State.Status}} {{.State.Health.Status}}', name);
      return health === 'running healthy' ? { found: true } : { missing: health };
    },
  });
}

describe('the image of the services', () => {
  it('says who it is, whose it runs as, what it keeps and how it is asked', async () => {
    const { Config } = JSON.parse(await ask('image', 'inspect', '--format', '{{json .}}', image)) as {
      Config: Record<string, unknown>;
    };
    expect(Config).toMatchObject({
      User: '10001:10001',
      Volumes: { '/data': {} },
      ExposedPorts: { '8080/tcp': {} },
      Entrypoint: ['tini', '--', 'run-service'],
      StopSignal: 'SIGTERM',
      Healthcheck: { Test: ['CMD', 'ask-service', '/livez'] },
      Labels: {
        'org.opencontainers.image.title': 'dbsync services',
        'org.opencontainers.image.licenses': 'MIT',
        'org.opencontainers.image.version': imageVersion,
        'org.opencontainers.image.revision': expect.stringMatching(/^[0-9a-f]{40}$/),
      },
    });
  });

  it('runs a replica healthy without root, writes nowhere but to its volume, and ends on SIGTERM', async () => {
    await start('order-service');
    await untilHealthy();
    const look = 'id -u; cat /proc/1/comm; touch /app/x /tmp/x /etc/x 2>/dev/null || echo refused; ls /data';
    const [user, first, root, ...files] = (await ask('exec', name, 'sh', '-c', look)).split('\n');
    expect({ user, first, root }).toEqual({ user: '10001', first: 'tini', root: 'refused' });
    expect(files).toContain('service.db');
    // Made by another Node, for another user or with other options, it would be of no use, and nobody would see it.
    const used = "console.log(require('node:module').getCompileCacheDir())";
    const folder = (await ask('exec', name, 'node', '--eval', used)).trim();
    const kept = `find ${folder} -type f | wc -l; touch ${folder}/x 2>/dev/null || echo refused`;
    const [compiled, planted] = (await ask('exec', name, 'sh', '-c', kept)).split('\n');
    expect(Number(compiled)).toBeGreaterThan(500);
    expect(planted).toBe('refused');
    await ask('stop', '--time', '15', name);
    // 137 is what a container ends with that had to be killed after that time.
    expect(await ask('inspect', '--format', '{{.State.ExitCode}}', name)).toBe('0');
  });

  it.each([
    { folder: '/data', said: 'stored' },
    { folder: '', said: 'set SQLITE_TMPDIR' },
  ])('has temporary files of SQLite on the volume alone: "$folder", $said', async ({ folder, said }) => {
    const module = `
      const { openDriver } = await import('/app/shared/replication/src/sqlite-driver.ts');
      const driver = await openDriver('/data/some.db', 'PRAGMA temp.cache_size = 1; CREATE TEMP TABLE t (a)');
      await driver
        .execute('INSERT INTO t WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) SELECT randomblob(9000) FROM n')
        .then(() => console.log('stored'), (error) => console.log(error.message, error.hint));
      await driver.close();`;
    const own = ['--name', name, '--read-only', '--entrypoint', 'node', '--env', `SQLITE_TMPDIR=${folder}`];
    expect(await ask('run', ...own, image, '--input-type=module', '--eval', module)).toContain(said);
  });

  it('refuses a service that it does not have, and names those that it has', async () => {
    const { exitCode, output } = await docker('run', '--name', name, image, 'payment-service');
    expect(exitCode).toBe(2);
    expect(output).toContain(
      'no service "payment-service" in this image. There is: gateway order-service user-service',
    );
  });
});
