/**
 * The library's SQLite file with the scheduler in front of it: same functions, same driver, same files.
 *
 * `module-hooks.ts` puts it in the place of `src/sqlite.ts`. Statements run one at a time in the whole cluster, each
 * when its turn has come; so the thread pool decides nothing, and a crash can fall between any two statements.
 */
import * as real from '../src/sqlite.ts';
import { gateOf, type StorageGate } from './storage-gate.ts';

/** As in `src/sqlite.ts`. */
export async function openDatabase(options: real.DatabaseOptions): Promise<real.Database> {
  const gate = gateOf(options.file);
  return gate.pass('opens its database', async () => {
    const database = await real.openDatabase(options);
    const closed = gate.opened(database);
    return {
      writer: scheduled(database.writer, gate),
      reader: { all: (sql, values) => gate.pass(brief(sql), () => database.reader.all(sql, values)) },
      close: () => gate.pass('closes its database', () => database.close().finally(closed)),
    };
  });
}

/** As in `src/sqlite.ts`. */
export async function openConnection(file: string): ReturnType<typeof real.openConnection> {
  const gate = gateOf(file);
  return gate.pass('opens a connection', async () => {
    const connection = await real.openConnection(file);
    const closed = gate.opened({ close: () => connection.close() });
    const close = (): Promise<void> =>
      gate.pass('closes a connection', () => connection.close().finally(closed));
    return { ...scheduled(connection, gate), close };
  });
}

/** As in `src/sqlite.ts`. */
export async function openForReading(file: string): ReturnType<typeof real.openForReading> {
  const gate = gateOf(file);
  return gate.pass('opens a connection for reading', async () => {
    const connection = await real.openForReading(file);
    const closed = gate.opened({ close: () => connection.close() });
    return {
      all: (sql, values) => gate.pass(brief(sql), () => connection.all(sql, values)),
      close: () => gate.pass('closes a connection', () => connection.close().finally(closed)),
    };
  });
}

function scheduled(connection: real.Connection, gate: StorageGate): real.Connection {
  return {
    run: (sql, values) => gate.pass(brief(sql), () => connection.run(sql, values)),
    all: (sql, values) => gate.pass(brief(sql), () => connection.all(sql, values)),
    execute: (script) => gate.pass(brief(script), () => connection.execute(script)),
  };
}

const briefs = new Map<string, string>();

function brief(sql: string): string {
  let text = briefs.get(sql);
  if (text === undefined) {
    text = sql.trim().replace(/\s+/g, ' ').slice(0, 48);
    briefs.set(sql, text);
  }
  return text;
}
