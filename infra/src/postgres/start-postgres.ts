/**
 * Finds and starts a PostgreSQL: the one entrance to this folder. DATABASE_URL, else our own.
 */
import { InfraError } from '../infra-error.ts';
import { EmbeddedPostgres } from './embedded-postgres.ts';
import { type PostgresServer, type PostgresSurroundings, withoutPassword } from './postgres-server.ts';

/**
 * Starts a server and resolves when it accepts connections; one that DATABASE_URL names is not asked, as the
 * services say it better.
 * @throws `bad-usage`, `no-postgres`, `postgres-failed`, `stopped`; nothing is left running then.
 */
export async function startPostgres(surroundings: PostgresSurroundings): Promise<PostgresServer> {
  const url = surroundings.environment.DATABASE_URL;
  if (!url) {
    surroundings.onProgress('PostgreSQL: our own, as DATABASE_URL is not set.');
    return EmbeddedPostgres.start(surroundings);
  }
  if (!/^postgres(?:ql)?:/.test(url) || !URL.canParse(url)) {
    throw new InfraError({
      code: 'bad-usage',
      message: 'DATABASE_URL is not the URL of a PostgreSQL.',
      hint: 'Write postgres://user:password@host:port/database, or leave it out for a server of our own.',
    });
  }
  const shownUrl = withoutPassword(url);
  surroundings.onProgress(`PostgreSQL: the one that DATABASE_URL names (${shownUrl}).`);
  return {
    kind: 'external',
    url,
    shownUrl,
    pid: null,
    ended: () => new Promise(() => undefined),
    restart: async () => undefined,
    kill: async () => undefined,
    stop: async () => undefined,
  };
}
