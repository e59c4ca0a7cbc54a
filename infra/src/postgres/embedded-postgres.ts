/**
 * PostgreSQL as a child process on 127.0.0.1, data under the data directory.
 *
 * Everything of it lies in `<data-dir>/postgres`: `password`, `data/` (made once) and `postgres.log`. It is set up
 * to be a rival that deserves the name: fsync on, memory and WAL of a server that is meant to work.
 * States: running -> ended -> running …, by `restart()`.
 */
import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { InfraError } from '../infra-error.ts';
import { writeFileAtomically } from '../process/atomic-file.ts';
import { BoundedLogFile } from '../process/bounded-log-file.ts';
import { type Life, startLife } from '../process/life.ts';
import { type Look, stoppedError, waitFor } from '../process/wait-for.ts';
import { findPostgresPrograms, type PostgresPrograms } from './postgres-programs.ts';
import { type PostgresServer, type PostgresSurroundings, withoutPassword } from './postgres-server.ts';

const user = 'orders';
const readyTimeoutMs = 60_000;
const stopGraceMs = 15_000;

/** What differs from the server's own defaults, which are those of a machine with 256 MB. */
const settings: Readonly<Record<string, string>> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  shared_buffers: '256MB',
  effective_cache_size: '1GB',
  // Checkpoints by time, not by volume: under load they would come every few seconds.
  max_wal_size: '4GB',
  wal_buffers: '16MB',
  // Every statement of ours is short; compiling it costs more than running it.
  jit: 'off',
};

/** A server that is our child. */
export class EmbeddedPostgres implements PostgresServer {
  readonly kind = 'embedded';
  readonly url: string;
  readonly shownUrl: string;
  readonly #surroundings: PostgresSurroundings;
  readonly #programs: PostgresPrograms;
  readonly #logFile: BoundedLogFile;
  #life: Life | null = null;
  #stopped: Promise<void> | null = null;

  private constructor(surroundings: PostgresSurroundings) {
    const { folder, port } = surroundings;
    mkdirSync(folder, { recursive: true });
    this.#surroundings = surroundings;
    this.#programs = findPostgresPrograms(folder);
    this.url = `postgres://${user}:${keptPassword(join(folder, 'password'))}@127.0.0.1:${port}/postgres`;
    this.shownUrl = withoutPassword(this.url);
    this.#logFile = new BoundedLogFile({ path: join(folder, 'postgres.log') });
  }

  /**
   * Starts a server and resolves when it accepts connections.
   * @throws `no-postgres`, `postgres-failed`, `stopped`; then nothing of it is left running.
   */
  static async start(surroundings: PostgresSurroundings): Promise<EmbeddedPostgres> {
    const server = new EmbeddedPostgres(surroundings);
    try {
      await server.#makeData();
      await server.#begin(surroundings.signal);
      return server;
    } catch (error) {
      await server.stop();
      throw error;
    }
  }

  get pid(): number | null {
    return this.#life === null || this.#life.isOver() ? null : this.#life.pid;
  }

  ended(): Promise<string> {
    return this.#life?.ended ?? Promise.resolve('never started');
  }

  async restart(): Promise<void> {
    await this.#begin(undefined);
  }

  async kill(signal: NodeJS.Signals): Promise<void> {
    this.#life?.signal(signal);
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    // SIGTERM alone would wait for clients to leave by themselves.
    this.#life?.signal('SIGINT');
    await this.#life?.stop(stopGraceMs);
    this.#logFile.close();
  }

  /** Makes the data folder, unless that was done and finished. */
  async #makeData(): Promise<void> {
    const { folder, signal } = this.#surroundings;
    const data = join(folder, 'data');
    const marker = join(folder, 'made');
    if (existsSync(marker)) return;
    rmSync(data, { recursive: true, force: true });
    mkdirSync(data, { mode: 0o700 });
    this.#handOver(data);
    if (signal?.aborted) throw stoppedError('PostgreSQL');
    const passwordFile = join(folder, 'password-for-initdb');
    writeFileAtomically({
      path: passwordFile,
      text: readFileSync(join(folder, 'password'), 'utf8'),
      mode: 0o600,
    });
    this.#handOver(passwordFile);
    try {
      const making = await this.#spawn('initdb', [
        ...['--pgdata', data, '--username', user, '--pwfile', passwordFile],
        ...['--auth', 'scram-sha-256', '--encoding', 'UTF8', '--locale', 'C', '--no-instructions'],
      ]);
      const how = await making.ended;
      if (how !== 'exit code 0') throw this.#died(how);
    } finally {
      rmSync(passwordFile, { force: true });
    }
    writeFileAtomically({ path: marker, text: '' });
  }

  async #begin(signal: AbortSignal | undefined): Promise<void> {
    if (signal?.aborted || this.#stopped !== null) throw stoppedError('PostgreSQL');
    const { folder, port } = this.#surroundings;
    const options = Object.entries({ ...settings, port: String(port) });
    const life = await this.#spawn('postgres', [
      ...['-D', join(folder, 'data')],
      ...options.flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    ]);
    this.#life = life;
    await waitFor({
      what: 'PostgreSQL',
      timeoutMs: readyTimeoutMs,
      intervalMs: 50,
      signal,
      onProgress: this.#surroundings.onProgress,
      look: async () => {
        if (life.isOver()) throw this.#died(await life.ended);
        if (this.#stopped !== null) throw stoppedError('PostgreSQL');
        return this.#look();
      },
    });
  }

  /** It listens before it is ready, and asks for a password only then; before that it answers with an error. */
  #look(): Promise<Look<true>> {
    const socket = createConnection({ host: '127.0.0.1', port: this.#surroundings.port, timeout: 1000 });
    return new Promise<Look<true>>((resolve) => {
      socket.once('connect', () => socket.write(greeting()));
      socket.once('data', (answer) => {
        resolve(answer.toString('latin1', 0, 1) === 'R' ? { found: true } : { missing: 'it is starting' });
      });
      socket.once('timeout', () => resolve({ missing: 'it does not answer' }));
      socket.once('error', (error) => resolve({ missing: error.message }));
      socket.once('close', () => resolve({ missing: 'it closed the connection' }));
    }).finally(() => socket.destroy());
  }

  #spawn(program: string, args: readonly string[]): Promise<Life> {
    const { bin, user: runAs } = this.#programs;
    return startLife({
      command: join(bin, program),
      args,
      cwd: '/',
      user: runAs,
      environment: { LC_ALL: 'C', PATH: this.#surroundings.environment.PATH ?? '' },
      onLine: (line) => this.#logFile.write(line),
      onSpawn: program === 'postgres' ? this.#surroundings.onSpawn : undefined,
    });
  }

  #handOver(path: string): void {
    const { user: runAs } = this.#programs;
    if (runAs === undefined) return;
    chmodSync(this.#surroundings.folder, 0o711);
    chownSync(path, runAs.uid, runAs.gid);
  }

  #died(how: string): InfraError {
    return new InfraError({
      code: 'postgres-failed',
      message: [`PostgreSQL ended (${how}). Its last lines:`, ...this.#logFile.recentLines().slice(-5)].join(
        '\n  ',
      ),
      hint: 'Mend what it names, forget the data with --fresh, or set DATABASE_URL.',
    });
  }
}

/** The first message of a client of protocol 3.0. */
function greeting(): Buffer {
  const names = Buffer.from(`user\0${user}\0database\0postgres\0\0`);
  const head = Buffer.alloc(8);
  head.writeInt32BE(head.length + names.length, 0);
  head.writeInt32BE(3 << 16, 4);
  return Buffer.concat([head, names]);
}

function keptPassword(path: string): string {
  if (!existsSync(path)) writeFileAtomically({ path, text: randomBytes(16).toString('hex'), mode: 0o600 });
  return readFileSync(path, 'utf8').trim();
}
