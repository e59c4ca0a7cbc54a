/**
 * Offsets that give nothing to apply, because nothing is there or because it cannot be decoded. Such a gap is passed
 * only once two fresh reads agree on it: one read may lack what the log has.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type MemoryBroker,
  openApplierBench,
  openPartitionBench,
  originName,
  type PartitionBench,
} from '../testing/index.ts';

let broker: MemoryBroker;
let bench: PartitionBench;

beforeEach(async () => {
  bench = await openPartitionBench();
  ({ broker } = bench);
});
afterEach(() => bench.close());

const quarantined = () =>
  bench.database.reader.all('SELECT "offset", reason FROM replication_quarantine ORDER BY id');

/** Two reads from the start show the same gap: after the first nothing has happened, the second goes on. */
async function expectPassedAtSecondRead(): Promise<void> {
  bench.applier.startOf(0);
  expect(await bench.applier.applyBatch(bench.readFrom(0))).toBe('seek');
  expect([bench.applied(), bench.next(), await quarantined()]).toEqual([0, 0, []]);
  bench.applier.startOf(0);
  expect(await bench.applier.applyBatch(bench.readFrom(0))).toBe('go on');
}

describe('offsets without a record', () => {
  it('are passed when two fresh reads agree on them, and counted', async () => {
    bench.append(2);
    broker.appendGap(0, 3);
    bench.append(1);
    await expectPassedAtSecondRead();
    expect([bench.applied(), bench.next(), bench.applier.counters.passedGaps]).toEqual([3, 6, 1]);
  });

  it('are not passed when the second read finds a record there', async () => {
    bench.append(3);
    const whole = bench.readFrom(0);
    bench.applier.startOf(0);
    const holed = { ...whole, records: whole.records.filter(({ offset }) => offset !== 1) };
    expect(await bench.applier.applyBatch(holed)).toBe('seek');
    bench.applier.startOf(0);
    expect(await bench.applier.applyBatch(whole)).toBe('go on');
    expect([bench.applied(), bench.applier.counters.passedGaps]).toEqual([3, 0]);
  });

  it('are each to be confirmed: one gap that was seen before does not let another through', async () => {
    bench.append(1);
    broker.appendGap(0, 1);
    bench.append(1);
    bench.append(2);
    const whole = bench.readFrom(0);
    bench.applier.startOf(0);
    expect(await bench.applier.applyBatch(whole)).toBe('seek');
    bench.applier.startOf(0);
    const holed = { ...whole, records: whole.records.filter(({ offset }) => offset !== 3) };
    expect(await bench.applier.applyBatch(holed)).toBe('seek');
    expect(bench.applied()).toBe(0);
    bench.applier.startOf(0);
    expect(await bench.applier.applyBatch(whole)).toBe('go on');
    expect(bench.applied()).toBe(4);
  });

  it('are confirmed also when the bookmark comes in a piece of its own', async () => {
    bench.append(1);
    await bench.readAll(0);
    broker.appendGap(0, 1);
    bench.append(1);
    await bench.readAll(0, 1);
    expect([bench.applied(), bench.next(), bench.applier.counters.passedGaps]).toEqual([2, 3, 1]);
  });

  it('at the end of the log let the lag reach zero', async () => {
    bench.append(1);
    broker.appendGap(0, 2);
    await bench.readAll(0);
    expect(bench.next()).toBe(3);
  });

  it('that a marker explains need no second look', async () => {
    bench.append(1);
    broker.appendMarker(0);
    bench.append(1);
    broker.appendMarker(0);
    bench.applier.startOf(0);
    expect(await bench.applier.applyBatch(bench.readFrom(0))).toBe('go on');
    expect([bench.applied(), bench.next(), bench.applier.counters.passedGaps]).toEqual([2, 4, 0]);
    // The bookmark is the last record that carries something, markers after it or not.
    expect(bench.applier.startOf(0)).toBe(2);
    await bench.applier.applyBatch(bench.readFrom(2));
    expect(bench.next()).toBe(4);
  });
});

describe('a batch that cannot be decoded', () => {
  it('is passed into quarantine when two fresh reads agree on it, and what follows is read', async () => {
    bench.append(2);
    broker.appendUnreadable(0, 5);
    bench.append(1);
    await expectPassedAtSecondRead();
    expect([bench.applied(), bench.next(), bench.applier.counters.passedGaps]).toEqual([3, 8, 0]);
    expect(await quarantined()).toEqual([
      { offset: 2, reason: expect.stringMatching(/^log-unreadable: .* offsets 2\.\.6 cannot be decoded/) },
    ]);
  });

  it('that a fresh read can decode was changed on the way only, and harms nothing', async () => {
    bench.append(3);
    const whole = bench.readFrom(0);
    broker.makeUnreadable(0, 1, 3);
    bench.applier.startOf(0);
    expect(await bench.applier.applyBatch(bench.readFrom(0))).toBe('seek');
    bench.applier.startOf(0);
    expect(await bench.applier.applyBatch(whole)).toBe('go on');
    expect([bench.applied(), bench.next(), await quarantined()]).toEqual([3, 3, []]);
  });

  it('is no bookmark: reading starts again at the last record before it', async () => {
    bench.append(2);
    broker.appendUnreadable(0, 3);
    await bench.readAll(0);
    expect(bench.next()).toBe(5);
    const again = await openApplierBench({ broker, file: bench.file, own: originName('own', 2) });
    expect(again.applier.startOf(0)).toBe(1);
    bench.append(1);
    await again.readAll(0);
    expect([again.origins.get(bench.run.origin)?.seq, again.applier.position(0).next]).toEqual([3, 6]);
    expect(await quarantined()).toHaveLength(1);
    await again.close();
  });
});
