import { createReadStream, createWriteStream, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ChangeLog } from '../src/change-log.ts';
import type { Replica } from '../src/replica.ts';
import { receiveSnapshot, snapshotBytes } from '../src/snapshot-stream.ts';
import { openConnection } from '../src/sqlite.ts';
import { MemoryBroker } from '../testing/memory-broker.ts';
import { type ClusterReplicaOptions, MemoryCluster } from '../testing/memory-cluster.ts';
import { MemoryPeers } from '../testing/memory-peers.ts';
import { note } from '../testing/notes-table.ts';
import { waitUntil } from '../testing/wait-until.ts';

let peers: MemoryPeers;
let cluster: MemoryCluster;

beforeEach(() => {
  peers = new MemoryPeers();
  cluster = new MemoryCluster({ peers });
});
afterEach(() => cluster.close());

async function start(id: string, options?: ClusterReplicaOptions): Promise<Replica> {
  return (await cluster.start(id, options)).replica;
}

async function live(...ids: string[]): Promise<Replica[]> {
  const replicas = [];
  for (const id of ids) {
    const replica = await start(id);
    await waitUntil(`${id} is live`, async () => (await replica.status()).state === 'live');
    replicas.push(replica);
  }
  return replicas;
}

async function write(replica: Replica | undefined, prefix: string, count: number): Promise<void> {
  const ids = Array.from({ length: count }, (_, i) => `${prefix}${i}`);
  await Promise.all(ids.map((id) => replica?.insert('notes', note(id), { concern: 'local' })));
}

async function allEqual(rows: number, ...replicas: (Replica | undefined)[]): Promise<void> {
  await waitUntil('all are equal, published and live', async () => {
    const all = await Promise.all(replicas.map((replica) => replica?.status()));
    const isDone = all.every(
      (status) => status?.rows === rows && status.state === 'live' && status.unpublished === 0,
    );
    const digests = new Set(all.map((status) => status?.digest));
    return (
      (isDone && digests.size === 1) ||
      JSON.stringify(
        all.map((s) => [s?.state, s?.rows, s?.unpublished, s?.stopReason, s?.stalled, s?.counters.relinks]),
      )
    );
  });
  for (const replica of replicas) expect((await replica?.deepCheck())?.problems).toEqual([]);
}

/** What the log holds of each origin, as a prefix. */
function logged(): Map<string, number> {
  const prefix = new Map<string, number>();
  for (let partition = 0; partition < cluster.broker.partitions; partition += 1) {
    for (const { headers } of cluster.broker.records(partition)) {
      const origin = String(headers.ce_origin);
      const seq = Number(headers.ce_seq);
      if (seq === (prefix.get(origin) ?? 0) + 1) prefix.set(origin, seq);
    }
  }
  return prefix;
}

describe('when the log is deleted and made anew', () => {
  it('every row is published again, in order, and nothing is lost or doubled', async () => {
    const [a, b, c] = await live('a', 'b', 'c');
    await write(a, 'a', 30);
    await write(b, 'b', 20);
    await allEqual(50, a, b, c);
    cluster.broker.recreate();
    await write(c, 'c', 10);
    await allEqual(60, a, b, c);
    await waitUntil(
      'the log holds everything again',
      () => [...logged().values()].reduce((x, y) => x + y, 0) === 60,
    );
    expect((await a?.status())?.counters.relinks).toBeGreaterThan(0);
  });

  it('the rows of a replica that is gone for good come back, too', async () => {
    const [a, b, c] = await live('a', 'b', 'c');
    await write(a, 'a', 30);
    await write(b, 'b', 5);
    await allEqual(35, a, b, c);
    await cluster.stop('a');
    rmSync(cluster.folder('a'), { recursive: true });
    cluster.broker.recreate();
    await waitUntil(
      'the log holds everything again',
      () => [...logged().values()].reduce((x, y) => x + y, 0) === 35,
    );
    const [d] = await live('d');
    await allEqual(35, b, c, d);
  });

  it('the rows of a replica that is gone come back also when the log is lost again before they were read', async () => {
    const [a] = await live('a');
    let losses = 0;
    const losing = (log: ChangeLog): ChangeLog => ({
      open: () => log.open(),
      offsets: () => log.offsets(),
      follow: (reader) => log.follow(reader),
      close: () => log.close(),
      append: async (partition, records) => {
        const appended = await log.append(partition, records);
        if (losses === 1 && records.some(({ headers }) => String(headers.ce_origin) === a?.origin)) {
          losses += 1;
          cluster.broker.recreate();
        }
        return appended;
      },
    });
    const b = await start('b', { wrapLog: losing });
    await waitUntil('b is live', async () => (await b.status()).state === 'live');
    await write(a, 'a', 12);
    await write(b, 'b', 3);
    await allEqual(15, a, b);
    await cluster.stop('a');
    rmSync(cluster.folder('a'), { recursive: true });
    losses = 1;
    cluster.broker.recreate();
    await waitUntil('the log holds everything again, after another loss', () => {
      const held = [...logged().values()].reduce((x, y) => x + y, 0);
      return (losses === 2 && held === 15) || `${held} rows after ${losses} losses`;
    });
  });

  it('is readable, writable and ready meanwhile', async () => {
    const [a] = await live('a');
    await write(a, 'a', 10);
    await allEqual(10, a);
    cluster.broker.recreate();
    await waitUntil('it noticed', async () => {
      expect(a?.readiness().ready).toBe(true);
      await a?.reads.all('SELECT 1 FROM notes');
      return ((await a?.status())?.counters.relinks ?? 0) > 0;
    });
    await write(a, 'later', 3);
    await allEqual(13, a);
  });
});

describe('when the log loses its tail', () => {
  it('what was lost is published again', async () => {
    const [a, b] = await live('a', 'b');
    await write(a, 'a', 40);
    await allEqual(40, a, b);
    const [partition] = [0, 1, 2].filter((one) => cluster.broker.records(one).length > 0);
    cluster.broker.truncate(partition ?? 0, 25);
    await waitUntil('the log holds everything again', () => [...logged().values()][0] === 40);
    await allEqual(40, a, b);
  });

  it('and new rows take the offsets, nothing is lost', async () => {
    const [a, b] = await live('a', 'b');
    await write(a, 'a', 40);
    await allEqual(40, a, b);
    const [partition] = [0, 1, 2].filter((one) => cluster.broker.records(one).length > 0);
    await cluster.stop('b');
    cluster.broker.truncate(partition ?? 0, 25);
    await write(a, 'more', 30);
    const again = await start('b');
    await allEqual(70, a, again);
  });
});

describe('when retention has cut the log', () => {
  it('a replica that was away gets the missing rows from a peer', async () => {
    const [a, b] = await live('a', 'b');
    await write(a, 'a', 10);
    await allEqual(10, a, b);
    await cluster.stop('b');
    await write(a, 'more', 50);
    await waitUntil('all is published', async () => (await a?.status())?.unpublished === 0);
    const [partition = 0] = [0, 1, 2].filter((one) => cluster.broker.records(one).length > 0);
    cluster.broker.retain(partition, 40);
    const again = await start('b');
    await allEqual(60, a, again);
    // Counted after the rows are there to be read.
    await waitUntil('the repair is counted', async () => (await again.status()).counters.repaired > 0);
  });

  it('of another log, the first row that is found of a run does not stand for those before it', async () => {
    const { broker } = cluster;
    const [a, b] = await live('a', 'b');
    await write(a, 'a', 12);
    await allEqual(12, a, b);
    await waitUntil('all is read back', async () => (await a?.status())?.unpublished === 0);
    const [partition = 0] = [0, 1, 2].filter((one) => broker.records(one).length > 0);
    const late = broker.records(partition).slice(-3);
    // The topic is made anew, an append that was under way comes first, and retention takes the start.
    broker.recreate();
    for (const { key, value, headers } of late) broker.appendRaw(partition, { key, value, headers });
    broker.retain(partition, 1);
    await waitUntil('the log has every row again', async () => {
      const seqs = new Set(broker.records(partition).map(({ headers }) => Number(headers.ce_seq)));
      const missing = Array.from({ length: 12 }, (_, i) => i + 1).filter((seq) => !seqs.has(seq));
      return missing.length === 0 || `rows ${missing.join(', ')} are missing`;
    });
    await waitUntil('all is read back', async () => (await a?.status())?.unpublished === 0);
    await allEqual(12, a, b);
  });
});

describe("when the log is somebody else's", () => {
  it('it stops, applies nothing, publishes nothing, and goes on only when told to', async () => {
    const [a] = await live('a');
    await write(a, 'a', 5);
    await allEqual(5, a);
    await cluster.stop('a');
    const other = new MemoryBroker();
    const [stranger] = [await start('x', { broker: other, cluster: 'another' })];
    await waitUntil('the stranger is live', () => stranger?.readiness().ready === true);
    await write(stranger, 'x', 20);
    await waitUntil('the stranger has published', async () => (await stranger?.status())?.unpublished === 0);
    await cluster.stop('x');
    const before = other.allRecords().length;

    const again = await start('a', { broker: other });
    await waitUntil('it stops', async () => (await again.status()).state === 'stopped');
    expect((await again.status()).stopReason).toMatch(/somebody else/);
    expect(again.readiness().ready).toBe(false);
    expect(() => again.assertReadable()).toThrow(/stopped/);
    expect((await again.status()).rows).toBe(5);
    expect((await again.status()).quarantined).toBe(0);
    expect(other.allRecords()).toHaveLength(before);

    again.acceptLog();
    await waitUntil(
      'its rows are in the log',
      async () => (await again.status()).unpublished === 0 && (await again.status()).state === 'live',
    );
    expect((await again.status()).quarantined).toBe(20);
    expect(other.allRecords()).toHaveLength(before + 5);
  });
});

describe('when an origin is stalled', () => {
  it('the missing rows come from a peer', async () => {
    const [a, b] = await live('a', 'b');
    await write(a, 'a', 10);
    await allEqual(10, a, b);
    await cluster.stop('b');
    await write(a, 'more', 10);
    await waitUntil('all is published', async () => (await a?.status())?.unpublished === 0);
    const [partition = 0] = [0, 1, 2].filter((one) => cluster.broker.records(one).length > 0);
    const { value } = cluster.broker.records(partition)[12] ?? {};
    cluster.broker.alter(partition, 12, { value: Buffer.from(value ?? '').fill(0x20, 0, 4) });
    const again = await start('b');
    await allEqual(20, a, again);
    const { counters } = await again.status();
    expect(counters.stalls).toBe(1);
    expect(counters.quarantined).toBe(1);
    expect(counters.repaired).toBeGreaterThan(0);
  });

  it('by a batch that cannot be decoded, the missing rows come from a peer', async () => {
    const [a, b] = await live('a', 'b');
    await write(a, 'a', 10);
    await allEqual(10, a, b);
    await cluster.stop('b');
    await write(a, 'more', 10);
    await waitUntil('all is published', async () => (await a?.status())?.unpublished === 0);
    const [partition = 0] = [0, 1, 2].filter((one) => cluster.broker.records(one).length > 0);
    cluster.broker.makeUnreadable(partition, 12, 17);
    const again = await start('b');
    await allEqual(20, a, again);
    const { counters, stalled } = await again.status();
    expect(counters).toMatchObject({ quarantined: 1, relinks: 0, readersReplaced: 0 });
    expect(counters.repaired).toBeGreaterThan(0);
    expect(stalled).toEqual([]);
  });

  it('by a batch that cannot be decoded any more and holds the bookmark, everything is read again and published again', async () => {
    const [a, b] = await live('a', 'b');
    await write(a, 'a', 10);
    await allEqual(10, a, b);
    await cluster.stop('b');
    const [partition = 0] = [0, 1, 2].filter((one) => cluster.broker.records(one).length > 0);
    cluster.broker.makeUnreadable(partition, 7, 10);
    const again = await start('b');
    await write(again, 'b', 3);
    await allEqual(13, a, again);
    await waitUntil('all is in the log', () => [...logged().values()].reduce((x, y) => x + y, 0) === 13);
    expect((await again.status()).counters).toMatchObject({ quarantined: 1, relinks: 1 });
  });

  it('it is dismissed once every known replica lacks the rows, and harms nobody', async () => {
    const [a, b] = await live('a', 'b');
    await write(a, 'a', 10);
    await allEqual(10, a, b);
    await cluster.stop('a');
    rmSync(cluster.folder('a'), { recursive: true });
    const [partition = 0] = [0, 1, 2].filter((one) => cluster.broker.records(one).length > 0);
    const { value } = cluster.broker.records(partition)[4] ?? {};
    cluster.broker.alter(partition, 4, { value: Buffer.from(value ?? '').fill(0x20, 0, 4) });
    await cluster.stop('b');
    rmSync(cluster.folder('b'), { recursive: true });
    const [c, d] = [await start('c'), await start('d')];
    await waitUntil('the stall is dismissed', async () => (await c.status()).stalled[0]?.dismissed === true);
    expect(c.readiness().ready).toBe(true);
    await write(c, 'c', 3);
    await waitUntil('others go on', async () => (await d.status()).rows === 7 && c.digest() === d.digest());
  });
});

describe('when the topic and all disks are lost', () => {
  it('everything in a snapshot file is on every replica and in the log again', async () => {
    const [a, b] = await live('a', 'b');
    await write(a, 'a', 40);
    await write(b, 'b', 30);
    await allEqual(70, a, b);
    const saved = join(cluster.path, 'saved.snapshot');
    const taken = await a?.snapshot();
    if (!taken) throw new Error('no snapshot');
    await pipeline(snapshotBytes(taken), createWriteStream(saved));
    await taken.remove();
    for (const id of ['a', 'b']) {
      await cluster.stop(id);
      rmSync(cluster.folder(id), { recursive: true });
    }
    cluster.broker = new MemoryBroker();
    mkdirSync(cluster.folder('c'));
    const manifest = await receiveSnapshot(createReadStream(saved), {
      file: join(cluster.folder('c'), 'notes.db'),
    });
    expect(manifest.rows).toBe(70);
    const c = await start('c');
    const d = await start('d');
    await waitUntil(
      'the log holds everything again',
      () => [...logged().values()].reduce((x, y) => x + y, 0) === 70,
    );
    await write(d, 'd', 5);
    await allEqual(75, c, d);
  });
});

describe('a new replica', () => {
  it('is built from a snapshot of a live peer, and goes on from its positions', async () => {
    const [a, b] = await live('a', 'b');
    await write(a, 'a', 120);
    await write(b, 'b', 80);
    await allEqual(200, a, b);
    const c = await start('c', { limits: { snapshotMinRecords: 1 } });
    await waitUntil('c is live', () => c.readiness().ready);
    expect((await c.status()).counters.applied).toBe(0);
    await write(c, 'c', 10);
    await write(a, 'more', 10);
    await allEqual(220, a, b, c);
    await cluster.stop('c');
    const again = await start('c');
    await allEqual(220, a, b, again);
  });

  it('takes no writes before it is live', async () => {
    const [a] = await live('a');
    await write(a, 'a', 50);
    await allEqual(50, a);
    const c = await start('c', { limits: { snapshotMinRecords: 1 } });
    await expect(c.insert('notes', note('early'), { concern: 'local' })).rejects.toMatchObject({
      code: 'not-ready',
    });
    await allEqual(50, a, c);
  });

  it('refuses a damaged snapshot and replays the log instead', async () => {
    const [a] = await live('a');
    await write(a, 'a', 100);
    await allEqual(100, a);
    let parts = 0;
    peers.spoil = (part) => {
      parts += 1;
      if (parts % 2 === 0) part[part.length >> 1] = (part[part.length >> 1] ?? 0) ^ 1;
      return part;
    };
    const c = await start('c', { limits: { snapshotMinRecords: 1 } });
    await allEqual(100, a, c);
    expect((await c.status()).counters.applied).toBe(100);
    expect(parts).toBeGreaterThan(1);
  });

  it.each([
    ['changed', "UPDATE notes SET text = 'changed' WHERE note_id = 'a7'"],
    ['hidden', "UPDATE notes SET superseded = 1 WHERE note_id = 'a7'"],
  ])(
    'refuses a snapshot of a donor of whose rows one was %s, and replays the log instead',
    async (_, sql) => {
      const [a] = await live('a');
      await write(a, 'a', 20);
      await allEqual(20, a);
      const other = await openConnection(join(cluster.folder('a'), 'notes.db'));
      await other.execute(sql);
      await other.close();
      const c = await start('c', { limits: { snapshotMinRecords: 1 } });
      await waitUntil('c is live', () => c.readiness().ready);
      expect((await c.status()).counters.applied).toBe(20);
      expect((await c.deepCheck()).problems).toEqual([]);
    },
  );

  it('needs a snapshot where the log does not start at 0, and says so where nobody can give one', async () => {
    const [a] = await live('a');
    await write(a, 'a', 60);
    await allEqual(60, a);
    const [partition = 0] = [0, 1, 2].filter((one) => cluster.broker.records(one).length > 0);
    cluster.broker.retain(partition, 30);
    const b = await start('b');
    await allEqual(60, a, b);
    await cluster.stop('a');
    await cluster.stop('b');
    const c = await start('c');
    await waitUntil('c has stopped', async () => (await c.status()).state === 'stopped');
    expect((await c.status()).stopReason).toMatch(/starts at 30/);
  });
});
