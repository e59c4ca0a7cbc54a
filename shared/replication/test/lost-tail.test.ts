/**
 * A log that acknowledged rows and does not have them any more. Nothing tells us: it has to be noticed, by reading
 * back or by where the log ends, and the rows have to go out again, in order.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type ApplierBench,
  ForeignRun,
  MemoryBroker,
  note,
  openApplierBench,
  originName,
  rawRecord,
  writeNotes,
} from '../testing/index.ts';

let broker: MemoryBroker;
let a: ApplierBench;

beforeEach(async () => {
  broker = new MemoryBroker({ isStepped: true, partitions: 1 });
  a = await openApplierBench({ broker, own: originName('a') });
  a.publisher.connected(1);
});
afterEach(() => a.close());

const write = (...ids: string[]): Promise<void> => writeNotes(a, ...ids);

async function publishAll(): Promise<number> {
  for (let steps = 0; steps < 100; steps += 1) {
    const waitMs = await a.publisher.publishOnce();
    if (waitMs === Number.POSITIVE_INFINITY) return steps;
    a.clock.advance(waitMs);
  }
  throw new Error('the publisher does not come to rest');
}

const published = (): number => a.origins.get(a.own.name)?.published ?? 0;
const seqs = (): string[] => broker.records(0).map(({ headers }) => String(headers.ce_seq ?? 'marker'));

/** Publishes n1..n3, reads them back, publishes n4..n6 and loses those before they are read. */
async function loseTail(): Promise<void> {
  await write('n1', 'n2', 'n3');
  await publishAll();
  await a.readAll(0);
  await write('n4', 'n5', 'n6');
  await publishAll();
  expect(a.publisher.unacknowledged()).toBe(0);
  broker.truncate(0, 3);
}

describe('a lost tail', () => {
  it('whose offsets others have taken is noticed when they are passed', async () => {
    await loseTail();
    const stranger = new ForeignRun(originName('z'));
    for (let i = 0; i < 5; i += 1) broker.appendRaw(0, rawRecord(stranger.write(note(`z${i}`))));
    await a.readAll(0);
    expect(a.publisher.republished).toBe(1);
    await publishAll();
    await a.readAll(0);
    expect(seqs()).toEqual(['1', '2', '3', '1', '2', '3', '4', '5', '4', '5', '6']);
    expect([published(), a.publisher.unpublished()]).toEqual([6, 0]);
  });

  it('is noticed by a later row of our own', async () => {
    await loseTail();
    await write('n7');
    await publishAll();
    await a.readAll(0);
    await publishAll();
    await a.readAll(0);
    expect(published()).toBe(7);
    expect(seqs()).toEqual(['1', '2', '3', '7', '4', '5', '6', '7']);
  });

  it('after which nothing comes is noticed by where the log ends', async () => {
    await loseTail();
    const askedAtMs = a.clock.monotonic();
    a.publisher.ends(0, 3, askedAtMs);
    expect(a.publisher.republished).toBe(0);
    a.clock.advance(1);
    a.publisher.ends(0, 3, a.clock.monotonic());
    expect(a.publisher.republished).toBe(1);
    await publishAll();
    await a.readAll(0);
    expect([published(), seqs()]).toEqual([6, ['1', '2', '3', '4', '5', '6']]);
  });

  it('is no loss where the log merely was not asked lately', async () => {
    await write('n1');
    const askedAtMs = a.clock.monotonic();
    a.clock.advance(1);
    await publishAll();
    a.publisher.ends(0, 0, askedAtMs);
    expect(a.publisher.republished).toBe(0);
  });

  it('is published again even when an append was under way as the loss was noticed', async () => {
    await loseTail();
    await write('n7');
    let notice: () => void = () => undefined;
    const noticed = new Promise<void>((resolve) => (notice = resolve));
    const append = broker.append.bind(broker);
    broker.append = (partition, records) => {
      const last = append(partition, records);
      // The loss is noticed after the log took this append and before its acknowledgement is here.
      a.publisher.publishAgain(a.own.name);
      notice();
      return last;
    };
    await a.publisher.publishOnce();
    await noticed;
    broker.append = append;
    expect(a.publisher.unacknowledged()).toBe(0);
    await publishAll();
    await a.readAll(0);
    await publishAll();
    expect(published()).toBe(7);
  });

  it('that never ends is answered more and more slowly, not with a flood', async () => {
    await write('n1');
    const waits: number[] = [];
    for (let round = 0; round < 5; round += 1) {
      await publishAll();
      broker.truncate(0, 0);
      a.clock.advance(1);
      a.publisher.ends(0, 0, a.clock.monotonic());
      waits.push(await a.publisher.publishOnce());
    }
    expect([...waits].sort((x, y) => x - y)).toEqual(waits);
    expect(waits.at(-1)).toBeGreaterThan(500);
  });
});
