import { describe, expect, it } from 'vitest';
import type { WatchedGround } from '../../src/chaos/chaos-ground.ts';
import { addReplica } from '../../src/chaos/directory-faults.ts';
import { Violations } from '../../src/judge/violations.ts';
import { quietLook, serveStatus } from './status-server.ts';

/** Adds `added` to replicas of which some do not answer, and tells what promises that broke. */
async function add(replicas: readonly { readonly url: string }[], added: { readonly url: string }) {
  const violations = new Violations();
  const cluster = { replicas, addReplica: async () => ({ name: 'order-3', ...added }) };
  const ground = { cluster, violations, readyMs: [] };
  const adding = addReplica(ground as unknown as WatchedGround);
  return { adding, found: () => violations.list().map(({ invariant, kind }) => `${invariant} ${kind}`) };
}

const silent = { url: 'http://127.0.0.1:1' };

describe('a replica more', () => {
  it('breaks a promise when it is ready with less than every other that answers held before', async () => {
    await using peer = await serveStatus(() => quietLook);
    await using whole = await serveStatus(() => quietLook);
    await using empty = await serveStatus(() => ({ ...quietLook, rows: 9 }));
    const good = await add([silent, peer], { url: whole.url });
    await good.adding;
    expect(good.found()).toEqual([]);
    const bad = await add([silent, peer], { url: empty.url });
    await bad.adding;
    expect(bad.found()).toEqual(['I7 ready too early']);
  });

  it('proves nothing, and accuses nobody, when no other says what it holds', async () => {
    await using added = await serveStatus(() => quietLook);
    const { adding, found } = await add([silent, silent], { url: added.url });
    await expect(adding).rejects.toThrow('no replica says what it holds');
    expect(found()).toEqual([]);
  });
});
