import { isReplicationError, ReplicationError } from '@dbsync/replication';
import { describe, expect, it } from 'vitest';
import { GroupInsert } from '../../src/storage/group-insert.ts';

const taken = new ReplicationError({ code: 'key-taken', message: 'taken', hint: '' });

/** A store whose statements end when the test says so. */
function gated(options: { atOnce?: number; maxMembers?: number; maxQueued?: number; bad?: string } = {}) {
  const groups: string[][] = [];
  const gates: (() => void)[] = [];
  const inserts = new GroupInsert<string>({
    atOnce: 1,
    maxMembers: 100,
    maxQueued: 100,
    ...options,
    store: async (members) => {
      groups.push([...members]);
      await new Promise<void>((resolve) => gates.push(resolve));
      if (options.bad !== undefined && members.includes(options.bad)) throw taken;
    },
  });
  /** Lets every statement end, those that begin meanwhile included. */
  const finish = async (): Promise<void> => {
    while (gates.length > 0) {
      for (const open of gates.splice(0)) open();
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  return { inserts, groups, finish };
}

describe('group commit on a shared database', () => {
  it('lets nobody wait for company, and puts together who came meanwhile', async () => {
    const { inserts, groups, finish } = gated();
    const all = ['a', 'b', 'c'].map((member) => inserts.insert(member));
    expect(groups).toEqual([['a']]);
    await finish();
    await Promise.all(all);
    expect(groups).toEqual([['a'], ['b', 'c']]);
  });

  it('has as many statements in flight as it may, each no larger than it may be', async () => {
    const { inserts, groups, finish } = gated({ atOnce: 2, maxMembers: 2 });
    const all = ['a', 'b', 'c', 'd', 'e'].map((member) => inserts.insert(member));
    expect(groups).toEqual([['a'], ['b']]);
    await finish();
    await Promise.all(all);
    expect(groups).toEqual([['a'], ['b'], ['c', 'd'], ['e']]);
  });

  it('tells a bad member alone that it is bad', async () => {
    const { inserts, finish } = gated({ bad: 'c' });
    const all = Promise.allSettled(['a', 'b', 'c', 'd'].map((member) => inserts.insert(member)));
    await finish();
    const states = (await all).map(({ status }) => status);
    expect(states).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled']);
  });

  it('refuses more than may wait', async () => {
    const { inserts, finish } = gated({ maxQueued: 1 });
    const all = [inserts.insert('a'), inserts.insert('b')];
    expect(() => inserts.insert('c')).toThrow(
      expect.toSatisfy((error: unknown) => isReplicationError(error, 'overloaded')),
    );
    await finish();
    await Promise.all(all);
  });
});
