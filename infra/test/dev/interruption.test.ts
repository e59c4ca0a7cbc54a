import { describe, expect, it } from 'vitest';
import { Interruption, watchParent } from '../../src/dev/interruption.ts';

describe('being told to end', () => {
  it('means in order the first time and at once the second time', () => {
    let nowMs = 1000;
    const interruption = new Interruption(() => nowMs);
    interruption.interrupt('Ctrl-C');
    expect([interruption.stop.aborted, interruption.kill.aborted]).toEqual([true, false]);
    expect(interruption.stop.reason).toBe('Ctrl-C');
    nowMs += 400;
    interruption.interrupt('Ctrl-C');
    expect(interruption.kill.aborted).toBe(true);
  });

  it('is one request when it comes twice at once, from the terminal and by way of the package manager', () => {
    let nowMs = 1000;
    const interruption = new Interruption(() => nowMs);
    interruption.interrupt('Ctrl-C');
    nowMs += 100;
    interruption.interrupt('Ctrl-C');
    expect(interruption.kill.aborted).toBe(false);
  });

  it('never means at once when nobody has pressed anything', () => {
    let nowMs = 1000;
    const interruption = new Interruption(() => nowMs);
    interruption.interrupt('SIGTERM');
    nowMs += 5000;
    interruption.end('the parent process has ended');
    expect([interruption.kill.aborted, interruption.stop.reason]).toEqual([false, 'SIGTERM']);
  });

  it('comes from the end of the parent process too, or of the package manager above it, once', async () => {
    const world = { parent: 100, isChainAlive: true };
    let ends = 0;
    const watch = {
      parentOf: () => world.parent,
      isChainAlive: () => world.isChainAlive,
      onEnd: () => {
        ends += 1;
      },
    };
    watchParent(watch);
    world.parent = 1;
    await expect.poll(() => ends, { timeout: 20_000 }).toBe(1);
    watchParent(watch);
    world.isChainAlive = false;
    await expect.poll(() => ends, { timeout: 20_000 }).toBe(2);
  });
});
