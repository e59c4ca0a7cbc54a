/**
 * One service of the cluster as a child process: kept going, and asked whether it is ready.
 */
import { InfraError } from '../infra-error.ts';
import { Keeper } from '../process/keeper.ts';
import { startLife } from '../process/life.ts';
import { type Look, waitFor } from '../process/wait-for.ts';
import { urlOf } from './service-environment.ts';

/** SIGTERM to SIGKILL. */
const stopGraceMs = 10_000;
const lookTimeoutMs = 2000;

/** What to run. */
export interface ServiceProcessOptions {
  /** `order-1`, `user-service`: also the prefix of its log lines. */
  readonly name: string;
  readonly script: string;
  readonly port: number;
  /** SQLite file, made or not; empty for a service that keeps nothing. */
  readonly database: string;
  /** Where its rows are, for people. */
  readonly shownDatabase: string;
  /** Asked anew at each start. */
  readonly environment: () => Record<string, string>;
  readonly isRestarting: boolean;
  readonly onLine: (text: string, stream: 'stdout' | 'stderr') => void;
  readonly onSpawn: (pid: number) => void;
  readonly onDeath: (sentence: string) => void;
  readonly onChange: () => void;
}

/** How long to wait for readiness, and what to tell meanwhile. */
export interface ReadyOptions {
  readonly timeoutMs: number;
  /** True: a death ends the wait. False: it may be started again meanwhile. */
  readonly isFirstStart: boolean;
  readonly onProgress?: (sentence: string) => void;
  readonly signal?: AbortSignal | undefined;
}

/** A service that is kept going. */
export class ServiceProcess {
  readonly name: string;
  readonly url: string;
  readonly port: number;
  readonly database: string;
  readonly shownDatabase: string;
  readonly #keeper: Keeper;
  #recentLines: string[] = [];

  constructor(options: ServiceProcessOptions) {
    this.name = options.name;
    this.port = options.port;
    this.url = urlOf(options.port);
    this.database = options.database;
    this.shownDatabase = options.shownDatabase;
    this.#keeper = new Keeper({
      name: options.name,
      isRestarting: options.isRestarting,
      stopGraceMs,
      onDeath: options.onDeath,
      onChange: options.onChange,
      begin: () =>
        startLife({
          command: process.execPath,
          args: [options.script],
          environment: options.environment(),
          onSpawn: options.onSpawn,
          onLine: (text, stream) => {
            this.#recentLines = [...this.#recentLines.slice(-9), text];
            options.onLine(text, stream);
          },
        }),
    });
  }

  /** Null while it is down. */
  get pid(): number | null {
    return this.#keeper.pid;
  }

  start(): Promise<void> {
    return this.#keeper.start();
  }

  /**
   * Resolves when `/readyz` answers 200.
   * @throws `service-failed` when it dies at its first start, with its last lines, or when time is up.
   */
  ready(options: ReadyOptions): Promise<void> {
    return waitFor({
      what: `${this.name} at ${this.url}`,
      timeoutMs: options.timeoutMs,
      signal: options.signal,
      ...(options.onProgress === undefined ? {} : { onProgress: options.onProgress }),
      look: async () => {
        if (options.isFirstStart && this.#keeper.deaths > 0) throw this.#diedAtStart();
        return this.pid === null ? { missing: 'it is not running' } : this.#look();
      },
    });
  }

  kill(signal: NodeJS.Signals): void {
    this.#keeper.kill(signal);
  }

  restart(): Promise<void> {
    return this.#keeper.restart();
  }

  /** Ends it and keeps it down until `restart()`; resolves when it is gone. */
  takeDown(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    return this.#keeper.takeDown(signal);
  }

  stop(): Promise<void> {
    return this.#keeper.stop();
  }

  stopAtOnce(): Promise<void> {
    return this.#keeper.stopAtOnce();
  }

  async #look(): Promise<Look<void>> {
    try {
      const answer = await fetch(`${this.url}/readyz?verbose`, {
        signal: AbortSignal.timeout(lookTimeoutMs),
      });
      const text = await answer.text();
      if (answer.status === 200) return { found: undefined };
      return { missing: `it answers ${answer.status} ${text.slice(0, 200).trim()}` };
    } catch {
      return { missing: 'it does not answer yet' };
    }
  }

  #diedAtStart(): InfraError {
    return new InfraError({
      code: 'service-failed',
      message: [`${this.name} ended during its start. Its last lines:`, ...this.#recentLines].join('\n  '),
      hint: 'Mend what it names and start again.',
    });
  }
}
