/**
 * A real PostgreSQL for tests, with a temporary directory and a free port of its own.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chooseFreePorts } from '../src/index.ts';
import type { PostgresServer } from '../src/postgres/postgres-server.ts';
import { startPostgres } from '../src/postgres/start-postgres.ts';

/** A server that a test owns. */
export interface TestPostgres extends Pick<PostgresServer, 'url' | 'pid' | 'kill' | 'ended' | 'restart'> {
  /** Stops it and removes its data. */
  stop(): Promise<void>;
}

/** Starts one; never the one that DATABASE_URL names. @throws `no-postgres` where there is none for this machine. */
export async function startTestPostgres(): Promise<TestPostgres> {
  const folder = mkdtempSync(join(tmpdir(), 'dbsync-postgres-'));
  const [port = 0] = await chooseFreePorts(1);
  const { PATH } = process.env;
  const server = await startPostgres({
    folder: join(folder, 'postgres'),
    port,
    environment: { PATH },
    onProgress: () => undefined,
  });
  return {
    url: server.url,
    get pid() {
      return server.pid;
    },
    kill: (signal) => server.kill(signal),
    ended: () => server.ended(),
    restart: () => server.restart(),
    stop: async () => {
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
