/**
 * What a PostgreSQL server is to everybody who needs one, whichever way it was come by: the one database of the
 * topology `shared-db`. `start-postgres.ts` decides and starts.
 */

/** `external`: somebody else's, at DATABASE_URL. `embedded`: our child, of the npm packages with its binaries. */
export type PostgresKind = 'external' | 'embedded';

/** A server that answers. */
export interface PostgresServer {
  readonly kind: PostgresKind;
  /** How services reach it, password included. */
  readonly url: string;
  /** The same for people, without the password. */
  readonly shownUrl: string;
  /** The server's process while it is our child and alive, else null. */
  readonly pid: number | null;
  /** Resolves with how the present life ended; never, for an external server. */
  ended(): Promise<string>;
  /** Starts it again on the same port and data, after it has ended; resolves when it answers. */
  restart(): Promise<void>;
  /** Sends a signal. Does nothing to an external server. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Ends it in order, bounded in time. Does nothing to an external server. */
  stop(): Promise<void>;
}

/** What every way of starting a server needs. */
export interface PostgresSurroundings {
  /** Folder of the server alone. Absolute. */
  readonly folder: string;
  /** Port of 127.0.0.1. */
  readonly port: number;
  /** The environment of the command that asks: DATABASE_URL. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Called with a sentence on what takes long. */
  readonly onProgress: (sentence: string) => void;
  /** Called with the pid of each child process, right after its birth. */
  readonly onSpawn?: ((pid: number) => void) | undefined;
  /** Calls the start off. */
  readonly signal?: AbortSignal | undefined;
}

/** A URL without its password. */
export function withoutPassword(url: string): string {
  const shown = new URL(url);
  shown.password = '';
  return shown.href;
}
