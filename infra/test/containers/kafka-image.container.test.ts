import { randomBytes } from 'node:crypto';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { callDocker, dockerImage, requireDocker } from '../../src/broker/docker-cli.ts';
import { imagesFolder } from '../../src/images/base-images.ts';
import { findKafkaEngine } from '../../testing/containers/engine.ts';

const engine = await findKafkaEngine();
const environment = process.env;
let context: string;
let name: string;

beforeEach(({ skip }) => {
  if ('absent' in engine) skip(engine.absent);
  name = `dbsync-test-${randomBytes(4).toString('hex')}`;
  context = mkdtempSync(join(tmpdir(), name));
  for (const file of ['kafka.Dockerfile', 'run-kafka', 'server.properties']) {
    copyFileSync(join(imagesFolder, file), join(context, file));
  }
  // Whose folders they are and who it runs as does not depend on the jars.
  mkdirSync(join(context, 'libs'));
  writeFileSync(join(context, 'libs', 'some.jar'), '');
});
afterEach(async () => {
  if (context === undefined) return;
  rmSync(context, { recursive: true, force: true });
  await callDocker({ environment, args: ['image', 'rm', '--force', name, `${name}-base`] });
});

const docker = (...args: string[]): Promise<string> =>
  requireDocker({ environment, args, timeoutMs: 60_000 });

/** Builds the image of Kafka on a base that is the one of this run, changed by `lines`. */
async function buildOn(lines: readonly string[]): Promise<void> {
  const base = [`FROM ${dockerImage(environment)}`, 'USER 0', ...lines];
  writeFileSync(join(context, 'base.Dockerfile'), base.join('\n'));
  await docker(
    'build',
    '--quiet',
    '--file',
    join(context, 'base.Dockerfile'),
    '--tag',
    `${name}-base`,
    context,
  );
  const args = ['--file', join(context, 'kafka.Dockerfile'), '--build-arg', `JAVA_IMAGE=${name}-base`];
  await docker('build', '--quiet', ...args, '--tag', name, context);
}

const addUser = (user: string): string => `RUN getent passwd 1000 || useradd --uid 1000 ${user}`;

describe('the image of Kafka from its jars', () => {
  it.each([
    ['nobody but root', []],
    ['somebody with the number 1000, as Ubuntu has', [addUser('ubuntu')]],
    [
      'somebody with the number 1000, who it runs as, as the official image of Kafka',
      [addUser('appuser'), 'USER 1000'],
    ],
  ])('runs as 1000 and may write its data on a base with %s', async (_who, lines) => {
    await buildOn(lines);
    const look =
      'id -u; for f in /var/lib/kafka/data /opt/kafka/config /opt/kafka/logs; do touch $f/x && echo ok; done';
    const seen = await docker('run', '--rm', '--cap-drop', 'ALL', name, 'bash', '-c', look);
    expect(seen.split('\n')).toEqual(['1000', 'ok', 'ok', 'ok']);
  });
});
