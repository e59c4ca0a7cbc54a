/**
 * Random histories of three replicas over one log: writes, appends, reads, restarts, lost acknowledgements, refused
 * appends, records that come again, garbage, gaps, and tails that the log loses before anybody has read them. Stepped
 * by hand, so every history can be told again by its seed. When all is quiet, all must be equal.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { deepCheck } from '../src/deep-check.ts';
import { type ApplierBench, MemoryBroker, note, openApplierBench, originName } from '../testing/index.ts';

const PARTITIONS = 2;
const who = fc.nat(2);
const operation = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('write' as const), who, key: fc.nat(60) }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('publish' as const), who }) },
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant('read' as const), who, pieces: fc.integer({ min: 1, max: 4 }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const), who }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('lose acknowledgement' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('refuse append' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('repeat' as const), pick: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('garbage' as const), pick: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('gap' as const), pick: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('lose tail' as const), pick: fc.nat() }) },
);
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

class History {
  readonly broker = new MemoryBroker({ isStepped: true, partitions: PARTITIONS, maxBytes: 2000 });
  readonly written = new Set<string>();
  readonly #all: ApplierBench[] = [];
  readonly #current: ApplierBench[] = [];
  /** What anybody has read of each partition is not lost: that is for resync to heal. */
  readonly #furthest: number[] = [];
  #runs = 0;

  async begin(): Promise<void> {
    for (const id of ['a', 'b', 'c']) this.#current.push(await this.#open(id));
  }

  async run(step: Operation): Promise<void> {
    const bench = 'who' in step ? this.#current[step.who] : undefined;
    const partition = 'pick' in step ? step.pick % PARTITIONS : 0;
    if (step.do === 'write' && bench) await this.#write(bench, `k${step.key}`);
    else if (step.do === 'publish' && bench) await bench.publisher.publishOnce();
    else if (step.do === 'read' && bench) await this.#read(bench, step.pieces);
    else if (step.do === 'restart' && bench && 'who' in step) await this.#restart(step.who, bench);
    else if (step.do === 'lose acknowledgement') this.broker.loseAcknowledgements(1);
    else if (step.do === 'refuse append') this.broker.refuseAppends(1);
    else if (step.do === 'repeat' && 'pick' in step) this.#repeat(step.pick);
    else if (step.do === 'garbage') {
      this.broker.appendRaw(partition, { key: null, value: Buffer.from('x'), headers: {} });
    } else if (step.do === 'gap') this.broker.appendGap(partition);
    else if (step.do === 'lose tail') this.#loseTail(partition);
  }

  /** No more faults: everybody publishes and reads until nothing moves. */
  async settle(): Promise<void> {
    this.broker.loseAcknowledgements(0);
    this.broker.refuseAppends(0);
    for (let round = 0; round < 60; round += 1) {
      for (const bench of this.#current) {
        bench.clock.advance(5000);
        for (const { partition, end } of this.broker.offsets()) {
          bench.publisher.ends(partition, end, bench.clock.monotonic());
        }
        bench.clock.advance(5000);
        while ((await bench.publisher.publishOnce()) === 0);
        for (let partition = 0; partition < PARTITIONS; partition += 1) await bench.readAll(partition);
      }
      if (this.#current.every(({ publisher }) => publisher.unpublished() === 0) && this.#areEqual()) return;
    }
    throw new Error(
      `they do not settle: ${JSON.stringify(this.#current.map(({ origins }) => origins.vector()))}`,
    );
  }

  async judge(): Promise<void> {
    const shown: unknown[] = [];
    for (const { history, origins, chain, database } of this.#current) {
      const found = await deepCheck({ history, origins, chain, reader: database.reader });
      expect(found.problems).toEqual([]);
      expect(found.digest).toBe(found.expected);
      const rows = await database.reader.all(
        'SELECT note_id, text FROM notes WHERE superseded = 0 ORDER BY note_id',
      );
      shown.push(rows);
    }
    expect(shown[1]).toEqual(shown[0]);
    expect(shown[2]).toEqual(shown[0]);
    const texts = await this.#current[0]?.database.reader.all<{ text: string }>('SELECT text FROM notes');
    expect(new Set(texts?.map(({ text }) => text))).toEqual(this.written);
    expect(texts).toHaveLength(this.written.size);
  }

  async end(): Promise<void> {
    for (const bench of this.#all) await bench.close();
  }

  async #open(id: string, file?: string): Promise<ApplierBench> {
    this.#runs += 1;
    const own = `${id}.${originName(id).slice(id.length + 1, -2)}${String(this.#runs).padStart(2, '0')}`;
    const bench = await openApplierBench({ broker: this.broker, own, maxRows: 3, ...(file ? { file } : {}) });
    bench.publisher.connected(PARTITIONS);
    this.#all.unshift(bench);
    return bench;
  }

  async #write(bench: ApplierBench, key: string): Promise<void> {
    const text = `${bench.own.name} ${this.written.size}`;
    const isStored = await bench.writer.insert(bench.table('notes'), note(key, text)).then(
      () => true,
      (error: { code?: string }) => {
        if (error.code !== 'key-taken') throw error;
        return false;
      },
    );
    if (isStored) this.written.add(text);
  }

  async #read(bench: ApplierBench, maxRecords: number): Promise<void> {
    for (let partition = 0; partition < PARTITIONS; partition += 1) {
      await bench.readAll(partition, maxRecords);
      // Not the position afterwards: the end of a stall takes it back.
      const { end = 0 } = this.broker.offsets()[partition] ?? {};
      this.#furthest[partition] = Math.max(end, this.#furthest[partition] ?? 0);
    }
  }

  /** A crash: the old process is never asked again; what it had in memory is gone. */
  async #restart(who: number, bench: ApplierBench): Promise<void> {
    this.#current[who] = await this.#open(['a', 'b', 'c'][who] ?? '', bench.file);
  }

  #repeat(pick: number): void {
    const records = this.broker.allRecords();
    const record = records[pick % Math.max(1, records.length)];
    if (record) this.broker.appendRaw(pick % PARTITIONS, record);
  }

  #loseTail(partition: number): void {
    this.broker.truncate(partition, this.#furthest[partition] ?? 0);
  }

  #areEqual(): boolean {
    return new Set(this.#current.map(({ origins }) => JSON.stringify(sorted(origins.vector())))).size === 1;
  }
}

function sorted(vector: object): [string, unknown][] {
  return Object.entries(vector).sort(([a], [b]) => (a < b ? -1 : 1));
}

describe('random histories', () => {
  it('end with equal replicas, every acknowledged row once, and all of it in the log', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { minLength: 40, maxLength: 120 }), async (operations) => {
        const history = new History();
        try {
          await history.begin();
          for (const step of operations) await history.run(step);
          await history.settle();
          await history.judge();
        } finally {
          await history.end();
        }
      }),
      { numRuns: 20 },
    );
  });
});
