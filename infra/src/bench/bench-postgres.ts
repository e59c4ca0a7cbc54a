/**
 * A PostgreSQL of the bench's own: never somebody else's, data in a folder that is removed.
 */
import type { PostgresServer } from '../postgres/postgres-server.ts';
import { startPostgres } from '../postgres/start-postgres.ts';
import { chooseFreePorts } from '../process/ports.ts';
import type { BenchGround } from './bench-ground.ts';

/** Starts one; it ends with the ground. @throws `no-postgres`, `postgres-failed`. */
export async function startBenchPostgres(ground: BenchGround): Promise<PostgresServer> {
  const { DATABASE_URL: _, ...environment } = ground.environment;
  const [port = 0] = await chooseFreePorts(1);
  const server = await startPostgres({
    folder: ground.folder('postgres'),
    port,
    environment,
    onProgress: (sentence) => ground.progress(sentence),
    signal: ground.signal,
  });
  return ground.keep(server);
}
