import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { MemoryCluster, note, untilLive, waitUntil } from '../testing/index.ts';
import { expectEqual, untilPublished } from '../testing/note-replicas.ts';

let cluster: MemoryCluster;

beforeEach(() => {
  cluster = new MemoryCluster();
});
afterEach(() => cluster.close());

/**
 * Runs `b` until it comes to a moment of applying, and leaves on the disk what a kill at that moment would: what was
 * there then, and nothing of what came after.
 */
async function killAt(moment: string): Promise<void> {
  const killed = join(cluster.path, 'killed');
  let isReached = false;
  const { failures } = await cluster.start('b', {
    world: {
      observe: (point) => {
        if (point !== moment || isReached) return undefined;
        isReached = true;
        cpSync(cluster.folder('b'), killed, { recursive: true });
        throw new Error('killed');
      },
    },
  });
  await waitUntil(`b comes to ${moment}`, () => isReached && failures.length > 0);
  await cluster.stop('b');
  rmSync(cluster.folder('b'), { recursive: true });
  cpSync(killed, cluster.folder('b'), { recursive: true });
  rmSync(killed, { recursive: true });
}

it.each(['apply:planned', 'apply:rows-inserted', 'apply:before-commit'])(
  'an event whose replica is killed three times at %s is not to blame: it is applied in the end',
  async (moment) => {
    const a = await cluster.live('a');
    await cluster.stop(await cluster.live('b'));
    await a.insert('notes', note('n1'), { concern: 'local' });
    await untilPublished(a);
    for (let kill = 1; kill <= 3; kill += 1) await killAt(moment);
    const { replica: b } = await cluster.start('b');
    await untilLive(b);
    await expectEqual(1, a, b);
    const { stalled, quarantined, counters } = await b.status();
    expect({ stalled, quarantined, hidden: counters.hidden }).toEqual({
      stalled: [],
      quarantined: 0,
      hidden: 0,
    });
  },
);
