/**
 * One life of a long-lived child process: from its start to its end, whichever way that comes.
 *
 * The child leads a process group of its own, so a Ctrl-C in the terminal reaches only the process that started
 * it, which then takes its children down in order. Starting it again is a new life; `keeper.ts` does that.
 */
import { spawn } from 'node:child_process';
import { InfraError } from '../infra-error.ts';
import { createLineSplitter } from './line-splitter.ts';
import { enterChild, strikeChild } from './living-children.ts';

/** What to start. */
export interface LifeOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  /** Runs as this user instead of ours; needs root. */
  readonly user?: { readonly uid: number; readonly gid: number } | undefined;
  /** The child's whole environment; nothing is inherited. */
  readonly environment: Readonly<Record<string, string>>;
  /** Called for each line of either output. */
  readonly onLine: (line: string, stream: 'stdout' | 'stderr') => void;
  /** Called with the pid in the same turn of the event loop in which the child came to be. */
  readonly onSpawn?: ((pid: number) => void) | undefined;
}

/** A child that was started. */
export interface Life {
  readonly pid: number;
  /** Resolves with how it ended, in words: `exit code 1`, `SIGKILL`. Never rejects. */
  readonly ended: Promise<string>;
  /** True from the moment it has ended. */
  isOver(): boolean;
  /** Sends a signal; SIGKILL, SIGSTOP and SIGCONT go to its whole group. Does nothing once it has ended. */
  signal(name: NodeJS.Signals): void;
  /** Ctrl-C as a terminal sends it: SIGINT to its whole group. */
  interruptGroup(): void;
  /** SIGTERM, and SIGKILL after `graceMs`; resolves when it has ended. */
  stop(graceMs: number): Promise<void>;
}

const groupSignals: ReadonlySet<NodeJS.Signals> = new Set(['SIGKILL', 'SIGSTOP', 'SIGCONT']);

/**
 * Starts a child.
 * @throws `not-found` when the program cannot be started at all.
 */
export async function startLife(options: LifeOptions): Promise<Life> {
  const child = spawn(options.command, options.args, {
    cwd: options.cwd,
    ...options.user,
    env: { ...options.environment },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const pid = child.pid;
  if (pid === undefined) {
    const cause = await new Promise<Error>((resolve) => child.once('error', resolve));
    throw new InfraError({
      code: 'not-found',
      message: `${options.command} cannot be started: ${cause.message}`,
      hint: 'Install it, or see that it is on the PATH.',
      cause,
    });
  }
  enterChild(pid);
  options.onSpawn?.(pid);

  let isOver = false;
  const stdoutLines = createLineSplitter((line) => options.onLine(line, 'stdout'));
  const stderrLines = createLineSplitter((line) => options.onLine(line, 'stderr'));
  child.stdout.on('data', (chunk: Buffer) => stdoutLines.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => stderrLines.push(chunk));

  const ended = new Promise<string>((resolve) => {
    child.once('exit', (exitCode, signal) => {
      isOver = true;
      strikeChild(pid);
      // The last lines come after the exit, unless a grandchild holds the pipe; then nobody waits for it.
      const settle = (): void => {
        clearTimeout(timer);
        stdoutLines.end();
        stderrLines.end();
        child.stdout.destroy();
        child.stderr.destroy();
        resolve(signal ?? `exit code ${exitCode}`);
      };
      const timer = setTimeout(settle, 500);
      child.once('close', settle);
    });
  });

  const send = (to: number, name: NodeJS.Signals): void => {
    if (isOver) return;
    try {
      process.kill(to, name);
    } catch {
      // It ended between the look and the signal.
    }
  };
  const signal = (name: NodeJS.Signals): void => send(groupSignals.has(name) ? -pid : pid, name);
  return {
    pid,
    ended,
    isOver: () => isOver,
    signal,
    interruptGroup: () => send(-pid, 'SIGINT'),
    stop: async (graceMs) => {
      signal('SIGTERM');
      const timer = setTimeout(() => signal('SIGKILL'), graceMs);
      await ended;
      clearTimeout(timer);
    },
  };
}
