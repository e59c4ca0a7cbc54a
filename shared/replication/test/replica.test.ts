import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Replica } from '../src/replica.ts';
import { systemClock } from '../src/surroundings.ts';
import { parseToken } from '../src/token.ts';
import { MemoryCluster, note, waitUntil } from '../testing/index.ts';

let cluster: MemoryCluster;

beforeEach(() => {
  cluster = new MemoryCluster();
});
afterEach(() => cluster.close());

const live = (id: string): Promise<Replica> => cluster.live(id, { world: { clock: systemClock } });

const texts = (replica: Replica): Promise<{ note_id: string }[]> =>
  replica.reads.all('SELECT note_id FROM notes WHERE superseded = 0 ORDER BY note_id');

describe('replicas over one log', () => {
  it('hold the same rows after writing on each of them', async () => {
    const all = [await live('a'), await live('b'), await live('c')];
    await Promise.all(
      Array.from({ length: 60 }, (_, i) =>
        all[i % 3]?.insert('notes', note(`n${String(i).padStart(3, '0')}`), { concern: 'local' }),
      ),
    );
    await waitUntil(
      'equal digests',
      () =>
        new Set(all.map((replica) => replica.digest())).size === 1 &&
        all[0]?.vector() !== undefined &&
        Object.keys(all[0].vector()).length === 3,
    );
    for (const replica of all) {
      expect(await texts(replica)).toHaveLength(60);
      const check = await replica.deepCheck();
      expect(check.problems).toEqual([]);
      expect(check.digest).toBe(all[0]?.digest());
    }
    await waitUntil('everything is read back', async () => (await all[0]?.status())?.unpublished === 0);
  });

  it('answer a read with a token only after the write has arrived', async () => {
    const a = await live('a');
    const b = await live('b');
    for (let i = 0; i < 50; i += 1) {
      const { token } = await a.insert('notes', note(`n${i}`), { concern: 'local' });
      await b.covers(parseToken(token));
      expect(await b.reads.all('SELECT 1 FROM notes WHERE note_id = ?', [`n${i}`])).toHaveLength(1);
    }
  });
});
