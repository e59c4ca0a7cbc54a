/**
 * Bringing up an empty replica from its peers: interruptions, several at once, donors that go on serving.
 */
import { existsSync, readdirSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ReplicationError } from '../src/errors.ts';
import type { Replica } from '../src/replica.ts';
import { snapshotBytes } from '../src/snapshot-stream.ts';
import { type Observe, systemRandom } from '../src/surroundings.ts';
import { parseToken } from '../src/token.ts';
import { MemoryCluster, MemoryPeers, note, untilLive, waitUntil } from '../testing/index.ts';

let peers: MemoryPeers;
let cluster: MemoryCluster;

beforeEach(() => {
  peers = new MemoryPeers();
  cluster = new MemoryCluster({ peers });
});
afterEach(() => cluster.close());

/** Starts a replica that prefers a snapshot to the log. */
async function start(id: string, observe: Observe = () => undefined): Promise<Replica> {
  const { replica } = await cluster.start(id, { world: { observe }, limits: { snapshotMinRecords: 1 } });
  return replica;
}
async function live(id: string, observe?: Observe): Promise<Replica> {
  const replica = await start(id, observe);
  await untilLive(replica);
  return replica;
}
async function write(replica: Replica, prefix: string, count: number): Promise<void> {
  const ids = Array.from({ length: count }, (_, i) => `${prefix}${i}`);
  await Promise.all(ids.map((id) => replica.insert('notes', note(id), { concern: 'local' })));
  await waitUntil('all is published', async () => (await replica.status()).unpublished === 0);
}
async function expectEqual(rows: number, ...replicas: Replica[]): Promise<void> {
  await waitUntil('all are equal', async () => {
    const all = await Promise.all(replicas.map((replica) => replica.status()));
    const isDone =
      all.every((status) => status.rows === rows) && new Set(all.map((s) => s.digest)).size === 1;
    return isDone || JSON.stringify(all.map((status) => [status.state, status.rows]));
  });
  for (const replica of replicas) expect((await replica.deepCheck()).problems).toEqual([]);
}
const leftovers = (id: string): string[] =>
  readdirSync(cluster.folder(id)).filter((name) => name.includes('bootstrap') || name.includes('snapshot'));
const failed = (): ReplicationError =>
  new ReplicationError({ code: 'peer-failed', message: 'The line is cut.', hint: '', isRetryable: true });

describe('a read that waits for a write', () => {
  it('goes on as soon as a snapshot has brought it', async () => {
    const a = await live('a');
    const { token } = await a.insert('notes', note('n1'), { concern: 'log' });
    await waitUntil('it is read back', async () => (await a.status()).unpublished === 0);
    let waiting = 'not asked';
    const ended = (how: string) => () => {
      waiting = how;
    };
    const { replica: c } = await cluster.start('c', {
      limits: { snapshotMinRecords: 1, tokenWaitMs: 3_600_000 },
      world: {
        observe: (step) => {
          if (step !== 'bootstrap:received') return;
          waiting = 'yes';
          void c.covers(parseToken(token)).then(ended('over'), ended('refused'));
        },
      },
    });
    await untilLive(c);
    expect(waiting).toBe('over');
    expect((await c.status()).counters.applied).toBe(0);
  });
});

it('a replica that begins anew does not ask itself for a copy, though its life before is still believed', async () => {
  const a = await live('a');
  await live('b');
  await write(a, 'a', 30);
  const asked = new Set<string>();
  peers.spoil = (part, url) => {
    asked.add(url);
    return part;
  };
  const first = { ...systemRandom, bytes: (count: number) => Buffer.alloc(count) };
  const { replica } = await cluster.start('a', {
    directory: cluster.folder('elsewhere'),
    world: { random: first },
    limits: { snapshotMinRecords: 1 },
  });
  await untilLive(replica);
  expect([...asked]).toEqual([expect.stringMatching(/b$/)]);
});

describe('a download that is interrupted', () => {
  it('is begun anew with another donor', async () => {
    const [a, b] = [await live('a'), await live('b')];
    await write(a, 'a', 30);
    await expectEqual(30, a, b);
    const asked: string[] = [];
    peers.spoil = (part, url) => {
      if (asked.at(-1) !== url) asked.push(url);
      if (asked.length === 1 && part.length > 1000) throw failed();
      return part;
    };
    const c = await live('c');
    expect(new Set(asked).size).toBe(2);
    expect((await c.status()).counters.applied).toBe(0);
    await expectEqual(30, a, b, c);
    expect(leftovers('c')).toEqual([]);
  });

  it('is begun anew when what came is empty, as from a life of before at the same address', async () => {
    const a = await live('a');
    const empty = await a.snapshot();
    const parts: Uint8Array[] = [];
    for await (const part of snapshotBytes(empty)) parts.push(part);
    await empty.remove();
    await write(a, 'a', 30);
    let downloads = 0;
    peers.spoil = (part) => {
      const isManifest = part[0] === '{'.charCodeAt(0);
      if (isManifest) downloads += 1;
      if (downloads > 1) return part;
      return isManifest ? Buffer.concat(parts) : Buffer.alloc(0);
    };
    const c = await live('c');
    expect([downloads, (await c.status()).counters.applied]).toEqual([2, 0]);
    await expectEqual(30, a, c);
  });

  it('is begun anew with the same donor when there is no other', async () => {
    const a = await live('a');
    await write(a, 'a', 30);
    let cuts = 2;
    peers.spoil = (part) => {
      if (part.length > 1000 && cuts > 0) {
        cuts -= 1;
        throw failed();
      }
      return part;
    };
    const c = await live('c');
    expect([cuts, (await c.status()).counters.applied]).toEqual([0, 0]);
    await expectEqual(30, a, c);
  });

  it('by a stop of the new replica leaves nothing behind, and the next start begins anew', async () => {
    const a = await live('a');
    await write(a, 'a', 30);
    let isHeldUp = false;
    let goOn = (): void => undefined;
    const released = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    peers.spoil = async (part) => {
      isHeldUp = true;
      await released;
      return part;
    };
    const c = await start('c');
    await waitUntil('the download is under way', () => isHeldUp);
    const stopping = cluster.stop('c');
    goOn();
    await stopping;
    const again = await live('c');
    expect((await again.status()).counters.applied).toBe(0);
    expect(leftovers('c')).toEqual([]);
    expect(existsSync(cluster.folder('a'))).toBe(true);
    expect(c.origin).not.toBe(again.origin);
  });
});

describe('while a snapshot is taken', () => {
  it('the new replica says how far it is, in its status and to those who ask whether it is ready', async () => {
    const a = await live('a');
    await write(a, 'a', 30);
    let goOn = (): void => undefined;
    const released = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    let parts = 0;
    peers.spoil = async (part) => {
      parts += 1;
      // The manifest is the first part, and a first stretch of the file the second one.
      if (parts > 2) await released;
      return parts === 2 ? part.subarray(0, 100) : part;
    };
    const c = await start('c');
    await waitUntil('some of it is there', async () => ((await c.status()).bootstrap?.received ?? 0) > 0);
    const { state, bootstrap } = await c.status();
    expect(state).toBe('bootstrapping');
    expect(bootstrap).toMatchObject({ donor: 'a', attempt: 1, received: 100, rows: 30 });
    expect(c.readiness().reasons[0]).toMatch(/bootstrapping: 100 of \d+ bytes of a snapshot of a/);
    peers.spoil = (part) => part;
    goOn();
    await untilLive(c);
    expect((await c.status()).bootstrap).toBeNull();
  });

  it('the donor reads and writes as ever, and the others are not held up', async () => {
    let goOn = (): void => undefined;
    const released = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    let isCopied = false;
    const a = await live('a', async (step) => {
      if (step !== 'snapshot:copied') return;
      isCopied = true;
      await released;
    });
    const b = await live('b');
    await write(a, 'a', 30);
    await expectEqual(30, a, b);
    await cluster.lose('b');
    const c = await start('c');
    await waitUntil('the copy is being made', () => isCopied);
    await write(a, 'meanwhile', 10);
    expect(await a.reads.all('SELECT 1 FROM notes')).toHaveLength(40);
    expect(c.readiness().ready).toBe(false);
    goOn();
    await untilLive(c);
    await expectEqual(40, a, c);
  });
});

describe('several new replicas at once', () => {
  it('share one donor, which gives one copy at a time, and wait for nobody for long', async () => {
    const a = await live('a');
    await write(a, 'a', 50);
    const fresh = await Promise.all(['b', 'c', 'd'].map((id) => start(id)));
    await Promise.all(fresh.map((replica) => untilLive(replica)));
    await expectEqual(50, a, ...fresh);
  });

  it('that are all there is replay the log: nobody waits for a donor that cannot come', async () => {
    const a = await live('a');
    await write(a, 'a', 50);
    await cluster.lose('a');
    const fresh = await Promise.all(['b', 'c', 'd'].map((id) => start(id)));
    await Promise.all(fresh.map((replica) => untilLive(replica)));
    await expectEqual(50, ...fresh);
  });
});

describe('a new replica of a log whose start is cut', () => {
  it('goes on by itself when somebody comes who can give it a copy', async () => {
    const a = await live('a');
    await write(a, 'a', 60);
    cluster.broker.retain(cluster.usedPartition(), 30);
    await cluster.stop('a');
    const c = await start('c');
    await waitUntil('c has stopped', async () => (await c.status()).state === 'stopped');
    expect(c.readiness().reasons[0]).toMatch(/starts at 30/);
    const again = await live('a');
    await untilLive(c);
    await expectEqual(60, again, c);
    expect((await c.status()).stopReason).toBeUndefined();
  });
});
