import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ReplicationError } from '../src/errors.ts';
import { Origins } from '../src/origins.ts';
import {
  type ApplierBench,
  ForeignRun,
  MemoryBroker,
  note,
  originName,
  PublisherBenches,
  publishAll,
  rawRecord,
  rowsInLog,
  writeNotes,
} from '../testing/index.ts';

let broker: MemoryBroker;
let benches: PublisherBenches;

beforeEach(() => {
  broker = new MemoryBroker({ isStepped: true, partitions: 2, maxBytes: 10_000 });
  benches = new PublisherBenches(broker);
});
afterEach(() => benches.close());

async function readAll(bench: ApplierBench): Promise<void> {
  for (let partition = 0; partition < broker.partitions; partition += 1) await bench.readAll(partition);
}

const published = (bench: ApplierBench): number => bench.origins.get(bench.own.name)?.published ?? 0;
const partitionOf = (bench: ApplierBench): number => bench.origins.get(bench.own.name)?.partition ?? -1;

describe('publishing', () => {
  it('sends rows in order to the partition pinned for the run, and nothing twice', async () => {
    const a = await benches.open('a', { maxRows: 2 });
    await writeNotes(a, 'n1', 'n2', 'n3', 'n4', 'n5');
    expect(a.publisher.unacknowledged()).toBe(5);
    expect(await publishAll(a)).toBe(Number.POSITIVE_INFINITY);
    expect(rowsInLog(broker)).toEqual(['a:1', 'a:2', 'a:3', 'a:4', 'a:5']);
    expect(broker.records(partitionOf(a))).toHaveLength(5);
    expect(a.publisher.unacknowledged()).toBe(0);
    expect(await publishAll(a)).toBe(Number.POSITIVE_INFINITY);
    expect(broker.appends).toBe(3);
  });

  it('moves `published` only by reading back, whatever was acknowledged', async () => {
    const a = await benches.open('a');
    await writeNotes(a, 'n1', 'n2');
    await publishAll(a);
    expect([published(a), a.publisher.unpublished()]).toEqual([0, 2]);
    await readAll(a);
    expect([published(a), a.publisher.unpublished()]).toEqual([2, 0]);
    expect(a.applier.counters).toMatchObject({ echoes: 2, applied: 0 });
    // On disk as well, with the position: the next run begins behind them.
    const stored = (await Origins.load(a.database.reader)).get(a.own.name);
    expect(stored).toEqual(a.origins.get(a.own.name));
    expect(stored).toMatchObject({ published: 2, partition: partitionOf(a) });
  });

  it('waits until there is a log', async () => {
    const bench = await benches.openApart('own');
    await writeNotes(bench, 'n1');
    expect(await bench.publisher.publishOnce()).toBe(Number.POSITIVE_INFINITY);
    expect(broker.appends).toBe(0);
    expect(bench.publisher.isLogReachable).toBe(false);
  });

  it('sends nothing that was being prepared when the log went away, before the next one is proven', async () => {
    const a = await benches.open('a');
    await writeNotes(a, 'n1');
    const publishing = a.publisher.publishOnce();
    a.publisher.disconnected();
    await publishing;
    expect(broker.appends).toBe(0);
    a.publisher.connected(broker.partitions);
    await publishAll(a);
    expect(rowsInLog(broker)).toEqual(['a:1']);
  });

  it('ends rather than send a row that is not what was written', async () => {
    const first = await benches.open('a');
    await writeNotes(first, 'n1', 'n2');
    await first.database.writer.run("UPDATE notes SET text = 'changed' WHERE seq = 2");
    const again = await benches.open('a', { file: first.file, run: 2 });
    await expect(publishAll(again)).rejects.toMatchObject({ code: 'database-damaged' });
    expect(rowsInLog(broker)).toEqual([]);
  });

  it('sends what this run wrote from memory, and never what was rolled back', async () => {
    const a = await benches.open('a');
    const refused = a.writer.submit({
      write: async () => {
        throw new ReplicationError({ code: 'key-taken', message: 'a unit that fails', hint: '' });
      },
    });
    const written = writeNotes(a, 'n1', 'n2');
    await expect(refused).rejects.toMatchObject({ code: 'key-taken' });
    await written;
    await a.database.writer.run("UPDATE notes SET text = 'changed' WHERE seq = 2");
    await publishAll(a);
    expect(rowsInLog(broker)).toEqual(['a:1', 'a:2']);
    await readAll(a);
    expect(a.ownTail.size).toBe(0);
    expect(published(a)).toBe(2);
  });
});

describe('an append that fails', () => {
  it('is tried again after a wait that grows, with rows that came meanwhile', async () => {
    const a = await benches.open('a');
    broker.refuseAppends(2);
    await writeNotes(a, 'n1');
    const waits = [];
    for (const id of ['n2', 'n3']) {
      const waitMs = await publishAll(a);
      waits.push(waitMs);
      expect(a.publisher.isLogReachable).toBe(false);
      await writeNotes(a, id);
      a.clock.advance(waitMs);
    }
    expect(await publishAll(a)).toBe(Number.POSITIVE_INFINITY);
    expect(a.publisher.isLogReachable).toBe(true);
    expect(waits[1]).toBeGreaterThan(waits[0] ?? 0);
    expect(rowsInLog(broker)).toEqual(['a:1', 'a:2', 'a:3']);
  });

  it('whose acknowledgement is lost loses nothing and doubles nothing on peers', async () => {
    const [a, b] = [await benches.open('a'), await benches.open('b')];
    broker.loseAcknowledgements(1);
    await writeNotes(a, 'n1', 'n2');
    a.clock.advance(await publishAll(a));
    await publishAll(a);
    expect(rowsInLog(broker)).toEqual(['a:1', 'a:2', 'a:1', 'a:2']);
    await readAll(a);
    await readAll(b);
    expect(b.origins.vector()).toEqual(a.origins.vector());
    expect(await b.database.reader.all('SELECT note_id FROM notes')).toHaveLength(2);
    expect(b.applier.counters).toMatchObject({ applied: 2, duplicates: 2 });
    expect([published(a), a.publisher.unpublished()]).toEqual([2, 0]);
  });

  it('but was stored counts as acknowledged once it is read back', async () => {
    const a = await benches.open('a');
    broker.loseAcknowledgements(1);
    await writeNotes(a, 'n1');
    const waiting = a.publisher.acknowledged({ origin: a.own.name, seq: 1 }, 10_000);
    await publishAll(a);
    await readAll(a);
    expect(await waiting).toBe(true);
    expect(await publishAll(a)).toBe(Number.POSITIVE_INFINITY);
    expect(rowsInLog(broker)).toEqual(['a:1']);
  });

  it('of one origin does not hold up another', async () => {
    const first = await benches.open('a');
    await writeNotes(first, 'n1');
    const again = await benches.open('a', { file: first.file, run: 2 });
    await writeNotes(again, 'n2');
    broker.refuseAppends(1);
    await again.publisher.publishOnce();
    await again.publisher.publishOnce();
    expect(rowsInLog(broker)).toEqual(['a:1']);
    expect(broker.allRecords()[0]?.headers.ce_origin?.toString()).toBe(originName('a', 2));
  });
});

describe('earlier runs', () => {
  it('go first, under their own names, from what was read back of them', async () => {
    const first = await benches.open('a');
    await writeNotes(first, 'n1', 'n2', 'n3');
    await publishAll(first);
    await readAll(first);
    await writeNotes(first, 'n4', 'n5');
    const second = await benches.open('a', { file: first.file, run: 2 });
    await writeNotes(second, 'n6');
    await publishAll(second);
    const names = broker.allRecords().map(({ headers }) => `${headers.ce_origin}:${headers.ce_seq}`);
    const [one, two] = [originName('a', 1), originName('a', 2)];
    expect(new Set(names.slice(3))).toEqual(new Set([`${one}:4`, `${one}:5`, `${two}:1`]));
    expect(broker.appends).toBe(3);
    await readAll(second);
    expect(second.publisher.unpublished()).toBe(0);
  });
});

describe('waiting for the acknowledgement', () => {
  it('ends with it, at the deadline, or with the end of publishing', async () => {
    const a = await benches.open('a');
    await writeNotes(a, 'n1', 'n2');
    const place = (seq: number) => ({ origin: a.own.name, seq });
    const late = a.publisher.acknowledged(place(9), 100);
    const early = a.publisher.acknowledged(place(1), 100);
    await publishAll(a);
    expect(await early).toBe(true);
    expect(await a.publisher.acknowledged(place(2), 0)).toBe(true);
    a.clock.advance(100);
    expect(await late).toBe(false);
    const given = a.publisher.acknowledged(place(9), 100);
    a.publisher.stop();
    expect(await given).toBe(false);
  });
});

describe('a log that holds strangers between our rows', () => {
  it('is none that lost something', async () => {
    const a = await benches.open('a', { maxRows: 1 });
    const stranger = new ForeignRun(originName('z'));
    await writeNotes(a, 'n1', 'n2');
    await a.publisher.publishOnce();
    broker.appendRaw(partitionOf(a), rawRecord(stranger.write(note('z1'))));
    broker.appendMarker(partitionOf(a));
    await publishAll(a);
    await readAll(a);
    expect(published(a)).toBe(2);
    expect(a.publisher.republished).toBe(0);
  });
});

describe('a log whose start retention has cut', () => {
  const lows = (partition: number, low: number) =>
    new Map([0, 1].map((one) => [one, one === partition ? low : 0]));

  it('is read on, and what was seen in it still counts as published, also after a restart', async () => {
    const a = await benches.open('a');
    await writeNotes(a, 'n1', 'n2', 'n3', 'n4');
    await publishAll(a);
    await readAll(a);
    const partition = partitionOf(a);
    broker.retain(partition, 4);
    a.publisher.pause();
    await a.applier.passCut(lows(partition, 4));
    expect([published(a), a.applier.position(partition)]).toEqual([4, { next: 4, bookmark: null }]);
    const again = await benches.openApart('b', { file: a.file });
    await readAll(again);
    expect(again.origins.get(a.own.name)).toMatchObject({ seq: 4, published: 4 });
  });

  it('takes what is left of a run for nothing but itself where it is another log', async () => {
    const a = await benches.open('a');
    await writeNotes(a, 'n1', 'n2', 'n3', 'n4');
    await publishAll(a);
    await readAll(a);
    const partition = partitionOf(a);
    broker.retain(partition, 2);
    a.publisher.pause();
    await a.applier.startOver(lows(partition, 2));
    a.publisher.connected(broker.partitions);
    await readAll(a);
    expect(published(a)).toBe(0);
    await publishAll(a);
    await readAll(a);
    expect(published(a)).toBe(4);
    expect(rowsInLog(broker).slice(-4)).toEqual(['a:1', 'a:2', 'a:3', 'a:4']);
  });
});
