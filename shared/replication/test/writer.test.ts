import { afterEach, describe, expect, it } from 'vitest';
import { GENESIS } from '../src/chain.ts';
import { ReplicationError } from '../src/errors.ts';
import { Origins } from '../src/origins.ts';
import { type Connection, openConnection } from '../src/sqlite.ts';
import type { Step } from '../src/surroundings.ts';
import { note, openWorkbench, type Workbench, type WorkbenchOptions } from '../testing/index.ts';

let bench: Workbench;
afterEach(() => bench.close());

async function open(options: WorkbenchOptions = {}): Promise<Workbench> {
  bench = await openWorkbench({ isManual: true, ...options });
  return bench;
}

const insert = (id: string) => bench.writer.insert(bench.table('notes'), note(id));
const codeOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'stored',
    (error: unknown) => (error instanceof ReplicationError ? error.code : error),
  );
const stored = async (): Promise<unknown[]> =>
  (await bench.database.reader.all('SELECT note_id FROM notes ORDER BY seq')).map(
    (row) => Object.values(row)[0],
  );

/** Counts what reaches the connection, and can make one statement fail. */
function watched(options: { failing?: string; error?: Error } = {}): {
  writer: { connection: Connection };
  statements: string[];
  wrap(connection: Connection): Connection;
} {
  const statements: string[] = [];
  const holder: { connection: Connection | undefined } = { connection: undefined };
  const given = (): Connection => {
    if (!holder.connection) throw new Error('not wired');
    return holder.connection;
  };
  const connection: Connection = {
    run: async (sql, values) => {
      statements.push(sql);
      if (options.failing && sql.startsWith(options.failing)) throw options.error;
      return given().run(sql, values);
    },
    all: (sql, values) => given().all(sql, values),
    execute: (script) => given().execute(script),
  };
  const wrap = (real: Connection): Connection => {
    holder.connection = real;
    return connection;
  };
  return { writer: { connection }, statements, wrap };
}

describe('group commit', () => {
  it('stores everything that waits in one transaction, in the order in which it came', async () => {
    const steps: Step[] = [];
    await open({ observe: (step) => void steps.push(step) });
    const inserts = Array.from({ length: 300 }, (_, i) => insert(`n${i}`));
    expect(bench.writer.queued).toBe(300);
    await bench.writer.commitOnce();
    expect((await Promise.all(inserts)).map(({ seq }) => seq)).toEqual(
      Array.from({ length: 300 }, (_, i) => i + 1),
    );
    expect(steps).toEqual(['write:begun', 'write:inserted', 'write:before-commit', 'write:after-commit']);
    expect(bench.writer.hasWork).toBe(false);
  });

  it('answers nobody before the commit, and memory moves only with it', async () => {
    let seen: unknown;
    await open({
      observe: (step) => {
        if (step === 'write:before-commit') seen = [isAnswered, bench.origins.get(bench.own.name)?.seq];
      },
    });
    let isAnswered = false;
    const inserting = insert('n1').then(() => (isAnswered = true));
    await bench.writer.commitOnce();
    await inserting;
    expect(seen).toEqual([false, undefined]);
    expect(bench.origins.get(bench.own.name)?.seq).toBe(1);
  });

  it('links the rows of all batches into one chain and stores it with them', async () => {
    await open();
    for (const ids of [['a', 'b'], ['c'], ['d', 'e', 'f']]) {
      const inserts = ids.map(insert);
      await bench.writer.commitOnce();
      await Promise.all(inserts);
    }
    const own = (await Origins.load(bench.database.reader)).get(bench.own.name);
    expect(own?.seq).toBe(6);
    if (!own) return;
    const events = await bench.history.read(bench.database.reader, own, { after: 0, upTo: 6, limit: 6 });
    const last = events.reduce((link, event) => bench.chain.link(link, event), GENESIS);
    expect(last.equals(own.chain)).toBe(true);
    expect(bench.origins.get(own.name)).toEqual(own);
  });

  it('lets a member that fails hurt only itself, and gives its number to the next one', async () => {
    await open();
    const first = insert('taken');
    await bench.writer.commitOnce();
    await first;
    const outcomes = [insert('a'), insert('taken'), insert('b'), insert('a')].map(codeOf);
    const unit = codeOf(
      bench.writer.submit({
        write: async () => {
          throw new ReplicationError({ code: 'invalid-row', message: 'no', hint: 'no' });
        },
      }),
    );
    await bench.writer.commitOnce();
    expect(await Promise.all(outcomes)).toEqual(['stored', 'key-taken', 'stored', 'key-taken']);
    expect(await unit).toBe('invalid-row');
    expect(await stored()).toEqual(['taken', 'a', 'b']);
    expect(bench.origins.get(bench.own.name)?.seq).toBe(3);
    expect(bench.failures).toEqual([]);
  });

  it('runs a unit in the same transaction, and what it answers after the commit', async () => {
    await open();
    const inserted = insert('a');
    const answer = bench.writer.submit({
      write: async (connection) => {
        const rows = await connection.all('SELECT note_id FROM notes');
        return () => ({ during: rows, after: bench.origins.get(bench.own.name)?.seq });
      },
    });
    await bench.writer.commitOnce();
    await inserted;
    expect(await answer).toEqual({ during: [{ note_id: 'a' }], after: 1 });
  });
});

describe('a crash', () => {
  it.each<Step>(['write:begun', 'write:inserted', 'write:before-commit'])(
    'at %s leaves nothing behind, on disk or in memory',
    async (crashAt) => {
      await open({
        observe: (step) => {
          if (step === crashAt) throw new Error('crash');
        },
      });
      const outcome = codeOf(insert('a'));
      await expect(bench.writer.commitOnce()).rejects.toThrow('crash');
      expect(String(await outcome)).toContain('crash');
      expect(await stored()).toEqual([]);
      expect(bench.origins.get(bench.own.name)).toBeUndefined();
      expect(() => insert('b')).toThrow('crash');
    },
  );

  it('after the commit leaves the rows and an answered caller', async () => {
    await open({
      observe: (step) => {
        if (step === 'write:after-commit') throw new Error('crash');
      },
    });
    const outcome = codeOf(insert('a'));
    await expect(bench.writer.commitOnce()).rejects.toThrow('crash');
    expect(await outcome).toBe('stored');
    expect(await stored()).toEqual(['a']);
  });
});

describe('errors of the disk', () => {
  it('at COMMIT mean that the outcome is unknown: everybody is told, and nothing is written any more', async () => {
    const error = new ReplicationError({ code: 'database-failed', message: 'SQLITE_IOERR', hint: '' });
    const { wrap, writer } = watched({ failing: 'COMMIT', error });
    await open({ writer });
    wrap(bench.database.writer);
    const outcomes = [codeOf(insert('a')), codeOf(insert('b'))];
    await expect(bench.writer.commitOnce()).rejects.toMatchObject({ code: 'outcome-unknown', cause: error });
    expect(await Promise.all(outcomes)).toEqual(['outcome-unknown', 'outcome-unknown']);
    expect(() => insert('c')).toThrow(/may be stored or not/);
    expect(bench.origins.get(bench.own.name)).toBeUndefined();
  });

  it('while inserting end the process, too, and leave nothing', async () => {
    const error = new ReplicationError({ code: 'database-failed', message: 'SQLITE_IOERR', hint: '' });
    const { wrap, writer } = watched({ failing: 'INSERT INTO notes', error });
    await open({ writer });
    wrap(bench.database.writer);
    const outcome = codeOf(insert('a'));
    await expect(bench.writer.commitOnce()).rejects.toBe(error);
    expect(await outcome).toBe('database-failed');
    expect(await stored()).toEqual([]);
  });

  it('for want of room refuse what does not fit and go on when there is room again', async () => {
    await open();
    await bench.database.writer.execute('PRAGMA max_page_count = 40');
    const row = { ...note('big'), text: 'x'.repeat(10_000) };
    const outcomes = Array.from({ length: 40 }, (_, i) =>
      codeOf(bench.writer.insert(bench.table('notes'), { ...row, note_id: `big${i}` })),
    );
    await bench.writer.commitOnce();
    const codes = await Promise.all(outcomes);
    const fitted = codes.filter((code) => code === 'stored').length;
    expect(new Set(codes)).toEqual(new Set(['stored', 'disk-full']));
    expect(await stored()).toHaveLength(fitted);
    expect(bench.origins.get(bench.own.name)?.seq).toBe(fitted);
    await bench.database.writer.execute('PRAGMA max_page_count = 10000');
    const again = codeOf(bench.writer.insert(bench.table('notes'), row));
    await bench.writer.commitOnce();
    expect(await again).toBe('stored');
  });

  it('for want of the lock refuse the whole batch at once, and the next one is stored', async () => {
    await open();
    const other = await openConnection(bench.file);
    await other.execute('BEGIN IMMEDIATE');
    const outcomes = [codeOf(insert('a')), codeOf(insert('b')), codeOf(insert('c'))];
    await bench.writer.commitOnce();
    expect(new Set(await Promise.all(outcomes))).toEqual(new Set(['database-busy']));
    await other.execute('ROLLBACK');
    await other.close();
    const again = codeOf(insert('a'));
    await bench.writer.commitOnce();
    expect(await again).toBe('stored');
  });
});

describe('bounds', () => {
  it('refuse one member more than may wait, before it is queued', async () => {
    await open({ writer: { maxQueued: 2 } });
    const waiting = [insert('a'), insert('b')];
    expect(() => insert('c')).toThrow(/2 writes wait/);
    await bench.writer.commitOnce();
    await Promise.all(waiting);
    expect(() => void insert('c')).not.toThrow();
    await bench.writer.commitOnce();
    expect(await stored()).toEqual(['a', 'b', 'c']);
  });

  it('refuse a row by its canonical bytes, exactly at the bound', async () => {
    const size = Buffer.byteLength(JSON.stringify(note('n', 'ü')));
    await open({ writer: { maxRowBytes: size } });
    expect(() => bench.writer.insert(bench.table('notes'), note('n', 'üx'))).toThrow(/bytes/);
    const fitting = bench.writer.insert(bench.table('notes'), note('n', 'ü'));
    await bench.writer.commitOnce();
    await expect(fitting).resolves.toMatchObject({ seq: 1 });
  });

  it('refuse everything once the writer is closed, what waits included', async () => {
    await open();
    const waiting = codeOf(insert('a'));
    bench.writer.close(new ReplicationError({ code: 'stopped', message: 'over', hint: '' }));
    expect(await waiting).toBe('stopped');
    expect(() => insert('b')).toThrow('over');
  });
});
