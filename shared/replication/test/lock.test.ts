import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ReplicationError } from '../src/errors.ts';
import { lockDirectory } from '../src/lock.ts';
import { temporaryDirectory } from '../testing/index.ts';

let directory: ReturnType<typeof temporaryDirectory>;
let child: ChildProcess | undefined;

beforeEach(() => {
  directory = temporaryDirectory();
});
afterEach(async () => {
  await end();
  directory.remove();
});

async function end(): Promise<void> {
  if (!child || child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

async function holdInChild(): Promise<ChildProcess> {
  const script = fileURLToPath(new URL('./fixtures/hold-lock.ts', import.meta.url));
  child = spawn(process.execPath, [script, directory.path], { stdio: ['ignore', 'pipe', 'inherit'] });
  if (child.stdout) await once(child.stdout, 'data');
  return child;
}

async function refusalOf(locking: Promise<unknown>): Promise<ReplicationError> {
  const error = await locking.catch((reason: unknown) => reason);
  if (error instanceof ReplicationError) return error;
  throw new Error('the lock was given');
}

describe('the lock of a data directory', () => {
  it('is refused at once to a second opening in this process, and the holder is named', async () => {
    const lock = await lockDirectory(directory.path, 'order-1 (pid 1)');
    const startedMs = performance.now();
    const refusal = await refusalOf(lockDirectory(directory.path, 'order-2 (pid 1)'));
    expect(performance.now() - startedMs).toBeLessThan(1000);
    expect(refusal.code).toBe('directory-locked');
    expect(refusal.message).toContain('order-1 (pid 1)');
    await lock.release();
  });

  it('is not lost by the attempts of others', async () => {
    const lock = await lockDirectory(directory.path, 'order-1');
    for (let i = 0; i < 3; i += 1) {
      expect((await refusalOf(lockDirectory(directory.path, 'order-2'))).message).toContain('order-1');
    }
    await lock.release();
  });

  it('is refused while another process lives, and free when it was killed', async () => {
    const holder = await holdInChild();
    const refusal = await refusalOf(lockDirectory(directory.path, 'order-1'));
    expect(refusal.code).toBe('directory-locked');
    expect(refusal.message).toContain(`child (pid ${holder.pid})`);
    await end();
    const lock = await lockDirectory(directory.path, 'order-1');
    await lock.release();
  });

  it.each<[string, (file: string) => void]>([
    ['removed', () => undefined],
    ['exchanged', (file) => writeFileSync(file, '')],
  ])('is lost when its file is %s', async (_, replace) => {
    const file = join(directory.path, 'lock.db');
    const lock = await lockDirectory(directory.path, 'order-1');
    lock.assertHeld();
    rmSync(file);
    replace(file);
    expect(() => lock.assertHeld()).toThrow(expect.objectContaining({ code: 'lock-lost' }));
    await lock.release();
  });

  it('can be taken again after it was released', async () => {
    await (await lockDirectory(directory.path, 'order-1')).release();
    await (await lockDirectory(directory.path, 'order-1')).release();
  });
});
