/**
 * The image of the services once more, as another image: what an upgrade puts in the place of the old one.
 */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { requireDocker } from '../../src/broker/docker-cli.ts';
import { addCleanup } from './cleanup.ts';

/** Builds it and gives its name. It is removed after the test file, also when a test fails. */
export async function makeOtherImage(image: string): Promise<string> {
  const mark = randomBytes(4).toString('hex');
  const name = `dbsync/service:test-${mark}`;
  const context = mkdtempSync(join(tmpdir(), 'dbsync-other-image-'));
  const docker = (...args: string[]) => requireDocker({ environment: process.env, args, timeoutMs: 60_000 });
  // Before the stacks are, and so removed after them: an image that is in use stays.
  addCleanup(() => docker('image', 'rm', name));
  try {
    writeFileSync(join(context, 'Dockerfile'), `FROM ${image}\nLABEL test="${mark}"\n`);
    await docker('build', '--quiet', '--tag', name, context);
    return name;
  } finally {
    rmSync(context, { recursive: true, force: true });
  }
}
