/**
 * The ground that measures stand on: a folder of their own, programs as child processes, progress, the end.
 *
 * Every program is a process of its own, so that it shares no event loop with what it measures, gets its task as JSON
 * in its only argument, and answers with one line of JSON.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { leanNode } from '../cluster/service-environment.ts';
import { InfraError } from '../infra-error.ts';
import { type Life, startLife } from '../process/life.ts';
import { type Client, clients } from './clients.ts';

/** Programs, by what they do. */
const programs = {
  load: fileURLToPath(new URL('load-main.ts', import.meta.url)),
  lag: fileURLToPath(new URL('lag-main.ts', import.meta.url)),
  pacedLag: fileURLToPath(new URL('paced-lag-main.ts', import.meta.url)),
  service: servicePath('bench-service.ts'),
  fillTopic: servicePath('fill-topic.ts'),
  fillDatabase: servicePath('fill-database.ts'),
  fillShared: servicePath('fill-shared.ts'),
  consumeTopic: servicePath('consume-topic.ts'),
  applyLoop: servicePath('apply-loop.ts'),
} as const;

/** Name of a program. */
export type ProgramName = keyof typeof programs;

/** A program that goes on running after its first line. */
export interface RunningProgram<Answer> {
  readonly answer: Answer;
  readonly pid: number;
  stop(): Promise<void>;
}

/** How the bench was asked for. */
export interface BenchGroundOptions {
  /** Absolute; temporary data and caches go below it. */
  readonly dataDir: string;
  readonly isQuick: boolean;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly onProgress: (sentence: string) => void;
  readonly signal: AbortSignal;
}

const stopGraceMs = 10_000;
/** Longest time until a program's line; the largest data take minutes to make. */
const answerMs = 900_000;

/** What a measure is handed. */
export class BenchGround {
  readonly isQuick: boolean;
  readonly signal: AbortSignal;
  readonly dataDir: string;
  readonly environment: BenchGroundOptions['environment'];
  readonly #options: BenchGroundOptions;
  readonly #living = new Set<Life>();
  readonly #folders: string[] = [];
  readonly #servers: { stop(): Promise<void> }[] = [];

  constructor(options: BenchGroundOptions) {
    this.#options = options;
    this.isQuick = options.isQuick;
    this.signal = options.signal;
    this.dataDir = options.dataDir;
    this.environment = options.environment;
    mkdirSync(options.dataDir, { recursive: true });
    options.signal.addEventListener('abort', () => {
      for (const life of this.#living) life.signal('SIGKILL');
    });
  }

  progress(sentence: string): void {
    this.#options.onProgress(sentence);
  }

  /** Rounds and seconds of a measure that compares throughput. */
  get pace(): { rounds: number; seconds: number } {
    return this.isQuick ? { rounds: 3, seconds: 1 } : { rounds: 7, seconds: 5 };
  }

  /** Drivers that the longer measures try. */
  get clients(): readonly Client[] {
    return this.isQuick ? ['sqlite3'] : clients;
  }

  /** A folder that is removed at the end. */
  folder(name: string): string {
    const folder = mkdtempSync(join(this.dataDir, `${name}-`));
    this.#folders.push(folder);
    return folder;
  }

  /** Hands over a server that ends with the ground, after every program. */
  keep<Server extends { stop(): Promise<void> }>(server: Server): Server {
    this.#servers.push(server);
    return server;
  }

  /** Runs a program to its end and gives its answer. @throws `bench-failed` with its last lines. */
  async run<Answer>(name: ProgramName, task: object, options: StartOptions = {}): Promise<Answer> {
    const running = await this.start<Answer>(name, task, options);
    await running.stop();
    return running.answer;
  }

  /** Starts a program and resolves with its first line. @throws `bench-failed` with its last lines. */
  async start<Answer>(
    name: ProgramName,
    task: object,
    options: StartOptions = {},
  ): Promise<RunningProgram<Answer>> {
    this.signal.throwIfAborted();
    const lines: string[] = [];
    let answered: (answer: Answer) => void = () => undefined;
    const answer = new Promise<Answer>((resolve) => {
      answered = resolve;
    });
    // A service is started as the supervisor starts it.
    const own = name === 'service' ? leanNode : {};
    const life = await startLife({
      command: process.execPath,
      args: [...(options.nodeArguments ?? []), programs[name], JSON.stringify(task)],
      environment: definedOnly({ ...own, ...this.environment, ...options.environment }),
      onLine: (line, stream) => {
        const found = stream === 'stdout' ? parsed<Answer>(line) : undefined;
        if (found === undefined) lines.push(line);
        else answered(found);
        lines.splice(0, lines.length - 20);
      },
    });
    this.#living.add(life);
    void life.ended.then(() => this.#living.delete(life));
    const failed = (how: string): InfraError =>
      new InfraError({
        code: 'bench-failed',
        message: [`The program ${name} ${how}. Its last lines:`, ...lines].join('\n  '),
        hint: 'Mend what it names and run the bench again.',
      });
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(failed('did not answer in time')), answerMs);
    });
    try {
      const first = await Promise.race([
        answer,
        late,
        // The last line may come after the exit.
        life.ended.then((how) => Promise.race([answer, Promise.reject(failed(`ended with ${how}`))])),
      ]);
      return { answer: first, pid: life.pid, stop: () => life.stop(stopGraceMs) };
    } catch (error) {
      await life.stop(stopGraceMs);
      this.signal.throwIfAborted();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends every program and server, and removes the folders. */
  async clear(): Promise<void> {
    await Promise.all([...this.#living].map((life) => life.stop(stopGraceMs)));
    await Promise.all(this.#servers.map((server) => server.stop()));
    for (const folder of this.#folders) rmSync(folder, { recursive: true, force: true });
  }
}

/** What a program may be started with. */
export interface StartOptions {
  readonly environment?: Readonly<Record<string, string>>;
  readonly nodeArguments?: readonly string[];
}

function servicePath(name: string): string {
  return fileURLToPath(new URL(`../../../services/order-service/bench/${name}`, import.meta.url));
}

function parsed<T>(line: string): T | undefined {
  try {
    return line.startsWith('{') ? (JSON.parse(line) as T) : undefined;
  } catch {
    return undefined;
  }
}

function definedOnly(environment: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}
