import { describe, expect, it } from 'vitest';
import type { LogRead } from '../../src/change-log.ts';
import { PiecesInHand } from '../../src/kafka/pieces-in-hand.ts';

const piece = (from: number, partition = 0): LogRead => ({
  partition,
  from,
  records: [{ offset: from, isMarker: true, timestampMs: 0, key: null, value: null, headers: {} }],
  next: from + 1,
  end: 100,
});

/** A hand whose takes end when they are told to, in order. */
function hand(): {
  inHand: PiecesInHand;
  taken: LogRead[];
  failures: unknown[];
  release: (error?: Error) => Promise<void>;
} {
  const taken: LogRead[] = [];
  const failures: unknown[] = [];
  const held: PromiseWithResolvers<void>[] = [];
  const inHand = new PiecesInHand({
    take: (read) => {
      taken.push(read);
      const holding = Promise.withResolvers<void>();
      held.push(holding);
      return holding.promise;
    },
    failed: (error) => failures.push(error),
  });
  const release = async (error?: Error): Promise<void> => {
    const holding = held.shift();
    if (error) holding?.reject(error);
    else holding?.resolve();
    await new Promise<void>((resolve) => setImmediate(resolve));
  };
  return { inHand, taken, failures, release };
}

describe('pieces in hand', () => {
  it('are taken one at a time, in order, each with what comes after it where that is in hand', async () => {
    const { inHand, taken, release } = hand();
    inHand.add(piece(0), piece(1), piece(7, 1));
    expect([inHand.count, taken.length]).toEqual([3, 1]);
    await release();
    await release();
    await release();
    expect(taken.map(({ from, ahead }) => [from, ahead?.[0]?.offset])).toEqual([
      [0, 1],
      [1, 7],
      [7, undefined],
    ]);
    expect(inHand.count).toBe(0);
  });

  it('of a partition that is read from elsewhere are let go of, those of others are not', async () => {
    const { inHand, taken, release } = hand();
    inHand.add(piece(0));
    inHand.add(piece(1), piece(7, 1), piece(2));
    inHand.drop(0);
    inHand.add(piece(5));
    for (let i = 0; i < 4; i += 1) await release();
    expect(taken.map(({ from }) => from)).toEqual([0, 7, 5]);
  });

  it('tell whoever waits when there is one less, and nobody waits where there are none', async () => {
    const { inHand, release } = hand();
    await inHand.oneLess();
    inHand.add(piece(0));
    inHand.add(piece(1));
    let told = 0;
    void inHand.oneLess().then(() => (told = inHand.count));
    await release();
    expect(told).toBe(1);
    const last = inHand.oneLess();
    await release();
    await last;
    expect(inHand.count).toBe(0);
  });

  it('end with the one that is being taken', async () => {
    const { inHand, taken, release } = hand();
    inHand.add(piece(0));
    inHand.add(piece(1));
    let isOver = false;
    const ending = inHand.end().then(() => (isOver = true));
    inHand.add(piece(2));
    await new Promise<void>((resolve) => setImmediate(resolve));
    expect(isOver).toBe(false);
    await release();
    await ending;
    expect(taken.map(({ from }) => from)).toEqual([0]);
  });

  it('are not taken after one that could not be, which is told once', async () => {
    const { inHand, taken, failures, release } = hand();
    inHand.add(piece(0));
    inHand.add(piece(1));
    const error = new Error('no');
    await release(error);
    inHand.add(piece(2));
    expect([taken.length, failures, inHand.count]).toEqual([1, [error], 0]);
    await inHand.end();
  });
});
