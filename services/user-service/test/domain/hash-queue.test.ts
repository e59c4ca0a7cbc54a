import { describe, expect, it } from 'vitest';
import { HashQueue, HashQueueFullError } from '../../src/domain/hash-queue.ts';

/** A task that ends when the test says so. */
function task() {
  let finish: (value: string) => void = () => undefined;
  let isRunning = false;
  const ended = new Promise<string>((resolve) => {
    finish = resolve;
  });
  return {
    finish: (value: string) => finish(value),
    hasBegun: () => isRunning,
    run: () => {
      isRunning = true;
      return ended;
    },
  };
}

describe('HashQueue', () => {
  it('runs a few at a time, the others in order of arrival', async () => {
    const queue = new HashQueue({ maxRunning: 1, maxWaiting: 2 });
    const [first, second, third] = [task(), task(), task()];
    const results = Promise.all([queue.run(first.run), queue.run(second.run), queue.run(third.run)]);
    expect([first.hasBegun(), second.hasBegun(), third.hasBegun()]).toEqual([true, false, false]);
    first.finish('one');
    await expect.poll(second.hasBegun).toBe(true);
    expect(third.hasBegun()).toBe(false);
    second.finish('two');
    third.finish('three');
    expect(await results).toEqual(['one', 'two', 'three']);
  });

  it('refuses at once when the line is full, and takes more when it has moved on', async () => {
    const queue = new HashQueue({ maxRunning: 1, maxWaiting: 1 });
    const [first, second] = [task(), task()];
    const results = [queue.run(first.run), queue.run(second.run)];
    await expect(queue.run(async () => 'three')).rejects.toThrow(HashQueueFullError);
    first.finish('one');
    second.finish('two');
    await Promise.all(results);
    expect(await queue.run(async () => 'four')).toBe('four');
  });

  it('gives the place of a failed task to the next', async () => {
    const queue = new HashQueue({ maxRunning: 1, maxWaiting: 1 });
    const failing = queue.run(() => Promise.reject(new Error('no memory')));
    const next = queue.run(async () => 'next');
    await expect(failing).rejects.toThrow('no memory');
    expect(await next).toBe('next');
  });
});
