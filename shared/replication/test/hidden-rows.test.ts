/**
 * What is refused and kept, over two builds and two lives of one run: it is an alarm until somebody has mended it.
 */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { z } from 'zod';
import {
  ForeignRun,
  MemoryCluster,
  note,
  notes,
  notesDatabase,
  originName,
  waitUntil,
} from '../testing/index.ts';
import { expectEqual, insertNotes, untilPublished } from '../testing/note-replicas.ts';

let cluster: MemoryCluster;
beforeEach(() => {
  cluster = new MemoryCluster();
});
afterEach(() => cluster.close());

/** A build that takes no note that has stars. */
const stricter = {
  ...notesDatabase,
  tables: [
    { ...notes, columns: notes.columns.extend({ stars: z.literal(0) }) },
    ...notesDatabase.tables.slice(1),
  ],
};

it('rows that a stricter build refuses are an alarm until another one has checked them again', async () => {
  const [a] = await cluster.allLive('a');
  await insertNotes(a, 'n', 450);
  await untilPublished(a);
  const b = await cluster.live('b', { description: stricter });
  await expectEqual(450, a, b);
  expect((await b.status()).alarms).toEqual([{ code: 'hidden-rows', rows: 450 }]);
  expect(await b.upkeep.recheck()).toEqual({ shown: 0, hidden: 450 });
  await cluster.stop('b');

  const again = await cluster.live('b');
  expect((await again.status()).alarms).toEqual([{ code: 'hidden-rows', rows: 450 }]);
  expect(await again.upkeep.recheck()).toEqual({ shown: 450, hidden: 0 });
  expect((await again.status()).alarms).toEqual([]);
  expect(await again.reads.all('SELECT count(*) AS n FROM notes')).toEqual([{ n: 450 }]);
  await expectEqual(450, a, again);
});

it('two lives of one run are an alarm, and the first one stays', async () => {
  const a = await cluster.live('a');
  const origin = originName('x');
  cluster.append(new ForeignRun(origin), 'first');
  cluster.append(new ForeignRun(origin), 'other');
  await waitUntil('it says so', async () => (await a.status()).alarms.length > 0);
  expect(await a.status()).toMatchObject({
    quarantined: 1,
    alarms: [{ code: 'contradictions', records: 1 }],
  });
  const [{ id } = { id: 0 }] = await a.upkeep.quarantine(0);
  expect(await a.upkeep.discard(id)).toBe(true);
  expect((await a.status()).alarms).toEqual([]);
  expect(await a.reads.all('SELECT note_id FROM notes')).toEqual([{ note_id: note('first').note_id }]);
});
