import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { RawTopic } from '@dbsync/replication/testing';
import { describe, expect, it } from 'vitest';
import type { WatchedGround } from '../../src/chaos/chaos-ground.ts';
import { Claims } from '../../src/chaos/claims.ts';
import { planFaults } from '../../src/chaos/fault-plan.ts';
import { deleteTopic, sendAgain, sendGarbage } from '../../src/chaos/topic-faults.ts';
import { CutRows } from '../../src/judge/cut-rows.ts';
import { quietLook, serveStatus } from './status-server.ts';

/** The part of a ground that faults of the topic touch. */
function groundOf(replicas: readonly { readonly name: string; readonly url: string }[]) {
  const event = { partition: 0, offset: 0, key: null, value: Buffer.from('{}'), headers: { ce_id: '1' } };
  const topic: Partial<RawTopic> = {
    offsets: async () => [{ partition: 0, low: 0, end: 7 }],
    visitAll: async (visit) => void visit(event),
    send: async () => [],
    drop: async () => undefined,
  };
  const cut = new CutRows();
  const ground = { claims: new Claims(), cluster: { replicas }, topic, cut };
  return { cut, ground: ground as unknown as WatchedGround };
}

const [fault] = planFaults({ seed: 1, minutes: 1, only: ['duplicates'] }).log;
if (fault === undefined) throw new Error('the plan is empty');

describe.each([
  ['a deleted topic', 'relinks', deleteTopic],
  ['events that come again', 'duplicates', (ground: WatchedGround) => sendAgain(ground, fault)],
] as const)('%s', (_, counter, carryOut) => {
  it('is seen to take hold only by what replicas count from then on', async () => {
    const lookThatGrows = 4;
    await using replica = await serveStatus((number) => ({
      ...quietLook,
      counters: { ...quietLook.counters, [counter]: number < lookThatGrows ? 5 : 6 },
    }));
    await carryOut(groundOf([replica]).ground);
    expect(replica.looks()).toBeGreaterThanOrEqual(lookThatGrows);
  });
});

describe('a deleted topic', () => {
  it('has to be filled from the first row on, whatever retention took from the one before', async () => {
    await using replica = await serveStatus((number) => ({
      ...quietLook,
      counters: { ...quietLook.counters, relinks: number - 1 },
    }));
    const { cut, ground } = groundOf([replica]);
    cut.add({ origin: 'a', seq: 1 });
    await deleteTopic(ground);
    expect([cut.prefix('a'), cut.has('a', 1)]).toEqual([0, false]);
  });
});

describe('garbage on the topic', () => {
  it('is waited for in every quarantine, also of a replica whose directory is away for a moment', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'dbsync-garbage-'));
    const [there, away] = ['there', 'away'].map((name) => ({ name, database: join(folder, name), url: '' }));
    const keep = (file = '') => {
      using database = new DatabaseSync(file);
      database.exec(`CREATE TABLE replication_quarantine (topic, partition, "offset");
        INSERT INTO replication_quarantine VALUES ('orders.changes', 0, 7)`);
    };
    const { ground } = groundOf([there, away].flatMap((replica) => replica ?? []));
    const topic: Partial<RawTopic> = {
      send: async () => {
        keep(there?.database);
        setTimeout(() => keep(away?.database), 50);
        return [{ partition: 0, offset: 7 }];
      },
    };
    Object.assign(ground.topic, topic);
    try {
      expect(await sendGarbage(ground, fault)).toContain('all 2 replicas');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
