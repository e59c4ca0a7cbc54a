/**
 * Runs a short command to its end, always with a deadline, and keeps what it printed, bounded.
 *
 * For `java -version`, the docker command line, Maven. The command runs in a process group of its own, so that
 * the deadline ends whatever it has started too. Long-lived children are in `life.ts`.
 */
import { spawn } from 'node:child_process';
import { createLineSplitter } from './line-splitter.ts';
import { enterChild, strikeChild } from './living-children.ts';

/** What to run. */
export interface CommandOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly timeoutMs: number;
  readonly cwd?: string;
  /** Default: this process's own environment. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Called for each line of both outputs while it runs. */
  readonly onLine?: (line: string) => void;
  /** Ends the command; its outcome is then `called-off`. */
  readonly signal?: AbortSignal | undefined;
}

/** How it went. `missing`: there is no such program. `output` is the tail of both streams, at most 64 KiB. */
export interface CommandResult {
  readonly outcome: 'ended' | 'missing' | 'timed-out' | 'called-off';
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly output: string;
}

const maxKeptCharacters = 64 * 1024;

/** Runs it; never rejects for what the command does. */
export function runCommand(options: CommandOptions): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(options.command, options.args, {
      cwd: options.cwd,
      ...(options.env === undefined ? {} : { env: options.env }),
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    if (child.pid !== undefined) enterChild(child.pid);
    let stdout = '';
    let output = '';
    let outcome: CommandResult['outcome'] = 'ended';
    const keep = (text: string, added: string): string => (text + added).slice(-maxKeptCharacters);
    const splitter = createLineSplitter((line) => options.onLine?.(line));
    child.stdout.on('data', (chunk: Buffer) => {
      stdout = keep(stdout, chunk.toString('utf8'));
      output = keep(output, chunk.toString('utf8'));
      splitter.push(chunk);
    });
    child.stderr.on('data', (chunk: Buffer) => {
      output = keep(output, chunk.toString('utf8'));
      splitter.push(chunk);
    });

    const end = (why: 'timed-out' | 'called-off'): void => {
      outcome = why;
      if (child.pid !== undefined) killGroup(child.pid);
      // A grandchild may keep the pipes open for ever; what it says no longer matters.
      child.stdout.destroy();
      child.stderr.destroy();
    };
    const onAbort = (): void => end('called-off');
    const timer = setTimeout(() => end('timed-out'), options.timeoutMs);
    if (options.signal?.aborted) onAbort();
    options.signal?.addEventListener('abort', onAbort, { once: true });
    const settle = (): void => {
      if (child.pid !== undefined) strikeChild(child.pid);
      clearTimeout(timer);
      options.signal?.removeEventListener('abort', onAbort);
    };

    child.once('error', (error: NodeJS.ErrnoException) => {
      settle();
      if (error.code === 'ENOENT') resolve({ outcome: 'missing', exitCode: null, stdout: '', output: '' });
      else reject(error);
    });
    child.once('close', (exitCode) => {
      settle();
      splitter.end();
      resolve({ outcome, exitCode, stdout, output });
    });
  });
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Already gone.
  }
}
