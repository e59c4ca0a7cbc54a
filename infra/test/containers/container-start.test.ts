import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { type ContainerStart, startOrTell } from '../../testing/containers/container-start.ts';

const unhealthy = new Error('Health check failed: unhealthy');
const start = (change: Partial<ContainerStart<string>>) =>
  startOrTell({
    name: 'order-1',
    start: async () => 'started',
    printed: async () => '',
    remove: async () => undefined,
    ...change,
  });

describe('the start of a container', () => {
  it('gives what was started, and removes nothing', async () => {
    const remove = (): Promise<void> => Promise.reject(new Error('removed'));
    expect(await start({ remove })).toBe('started');
  });

  it('that fails tells what the container printed last, although it is gone by then', async () => {
    const lines = Array.from({ length: 100 }, (_, n) => `line ${n}.`).join('\n');
    const failing = start({
      start: async (follow) => {
        follow(Readable.from([lines, '\nDBSYNC_SECRET is ', 'missing\n']));
        throw unhealthy;
      },
      printed: () => Promise.reject(new Error('no such container')),
    });
    await expect(failing).rejects.toThrow(/^order-1 did not start: Health check failed: unhealthy\n/);
    await expect(failing).rejects.toThrow(/line 61\..*\nDBSYNC_SECRET is missing$/s);
    await expect(failing).rejects.not.toThrow(/line 60\./);
    await expect(failing).rejects.toMatchObject({ cause: unhealthy });
  });

  it('that fails before anybody followed it is asked for what it printed, and removed after that', async () => {
    const did: string[] = [];
    const failing = start({
      start: () => Promise.reject(unhealthy),
      printed: async () => {
        did.push('printed');
        return 'node: not found\n';
      },
      remove: async () => void did.push('removed'),
    });
    await expect(failing).rejects.toThrow(/Its last lines:\nnode: not found$/);
    expect(did).toEqual(['printed', 'removed']);
  });

  it('that fails says so when nothing was printed, or when something is left', async () => {
    const failing = start({
      start: () => Promise.reject(unhealthy),
      remove: () => Promise.reject(new Error('the engine is away')),
    });
    await expect(failing).rejects.toThrow(
      /\(it printed nothing\)\nIt could not be removed: Error: the engine is away$/,
    );
  });
});
