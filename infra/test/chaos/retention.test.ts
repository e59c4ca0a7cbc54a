import type { RawKafkaRecord, RawTopic } from '@dbsync/replication/testing';
import { describe, expect, it } from 'vitest';
import { passOver } from '../../src/chaos/retention.ts';
import { CutRows } from '../../src/judge/cut-rows.ts';
import { chain, goodRows, recordOf, rowOf } from '../judge/planted.ts';

type Record = Omit<RawKafkaRecord, 'key'>;

/** A topic of one partition in memory, to which somebody appends `late` as soon as its ends were asked for. */
class BusyTopic implements Pick<RawTopic, 'offsets' | 'visitAll' | 'cutTo'> {
  readonly records: Record[];
  readonly #late: readonly Record[];
  #low = 0;

  constructor(records: readonly Record[], late: readonly Record[]) {
    this.records = [...records];
    this.#late = late;
  }

  async offsets() {
    const end = this.records.length;
    this.records.push(...this.#late);
    return [{ partition: 0, low: this.#low, end }];
  }

  async visitAll(visit: Parameters<RawTopic['visitAll']>[0]) {
    for (const [offset, record] of this.records.entries())
      if (offset >= this.#low) visit({ ...record, key: null, offset });
  }

  async cutTo([cut]: Parameters<RawTopic['cutTo']>[0]) {
    this.#low = cut?.end ?? 0;
  }

  get left(): readonly Record[] {
    return this.records.slice(this.#low);
  }
}

describe('retention as a run plays it', () => {
  const [first, second, third] = goodRows();

  it('excuses what it took, and not what was appended between the look and the cut', async () => {
    const late = recordOf(second, first.chain);
    const topic = new BusyTopic([recordOf(first)], [late]);
    const cut = new CutRows();
    await passOver(topic, { chain, cut });
    expect(topic.left).toEqual([late]);
    expect([cut.prefix('a'), cut.has('a', 2)]).toEqual([1, false]);
  });

  it('excuses nothing that only replicas hold, and nothing that a stranger claims', async () => {
    const forged = { ...recordOf(third), value: Buffer.from('{}') };
    const topic = new BusyTopic([recordOf(first), forged], []);
    const cut = new CutRows();
    await passOver(topic, { chain, cut });
    expect([cut.has('a', 1), cut.has('a', 2), cut.has('b', 1)]).toEqual([true, false, false]);
  });

  it('adds what a second cut takes to what the first one took', async () => {
    const topic = new BusyTopic([recordOf(first)], []);
    const cut = new CutRows();
    await passOver(topic, { chain, cut });
    topic.records.push(
      recordOf(second, first.chain),
      recordOf(rowOf('p-9', { origin: 'a', seq: 4, previous: second.chain }), second.chain),
    );
    await passOver(topic, { chain, cut });
    expect([cut.prefix('a'), cut.has('a', 3), cut.has('a', 4)]).toEqual([2, false, true]);
  });

  it('cuts and excuses nothing when the topic could not be read to its end', async () => {
    const topic = new BusyTopic([recordOf(first)], []);
    const reading = topic.visitAll.bind(topic);
    topic.visitAll = async (visit) => {
      await reading(visit);
      throw new Error('the broker is away');
    };
    const cut = new CutRows();
    await expect(passOver(topic, { chain, cut })).rejects.toThrow('away');
    expect([topic.left.length, cut.prefix('a')]).toEqual([1, 0]);
  });
});
