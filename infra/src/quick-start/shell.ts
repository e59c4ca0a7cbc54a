/**
 * One bash for all commands of the quick start, as a reader has one terminal: variables last from step to step.
 *
 * `bash -euo pipefail` takes one command at a time, with nothing on its standard input. Output is handed back a
 * command at a time; a command that fails ends the shell, and every later one fails with it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import type { Environment } from '../cluster/service-environment.ts';
import { InfraError } from '../infra-error.ts';
import { enterChild, strikeChild } from '../process/living-children.ts';

/** A shell that takes commands. */
export interface Shell {
  /**
   * Runs a command and resolves with its standard output.
   * @throws `service-failed` when it fails or takes longer than `timeoutMs`, with what it said.
   */
  run(command: string, timeoutMs: number): Promise<string>;
  /** Ends it, and what it may still be running. */
  close(): Promise<void>;
}

/** Reads commands, each ended by a NUL, from descriptor 3. The mark behind each output is its first argument. */
const loop = `while IFS= read -r -d '' -u 3 command; do eval "$command"; printf '%s' "$1"; done`;

/** Starts a shell in a folder. */
export function openShell(options: { readonly cwd: string; readonly environment: Environment }): Shell {
  const mark = `\u0001${randomBytes(12).toString('hex')}\u0001`;
  const child = spawn('bash', ['-euo', 'pipefail', '-c', loop, 'bash', mark], {
    cwd: options.cwd,
    env: options.environment,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  const { pid } = child;
  if (pid !== undefined) enterChild(pid);
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (exitCode, signal) => {
      if (pid !== undefined) strikeChild(pid);
      resolve(signal ?? `exit code ${exitCode}`);
    });
  });
  const commands = child.stdio[3] as NodeJS.WritableStream;
  commands.on('error', () => undefined);
  return {
    run: (command, timeoutMs) => runOne({ child, commands, mark, ended, command, timeoutMs }),
    close: async () => {
      if (pid !== undefined) killGroup(pid);
      await ended;
    },
  };
}

async function runOne(one: {
  readonly child: ChildProcess;
  readonly commands: NodeJS.WritableStream;
  readonly mark: string;
  readonly ended: Promise<string>;
  readonly command: string;
  readonly timeoutMs: number;
}): Promise<string> {
  const { child, command, mark, timeoutMs } = one;
  let output = '';
  let errors = '';
  let onMark: () => void = () => undefined;
  const marked = new Promise<'done'>((resolve) => {
    onMark = () => resolve('done');
  });
  const onOutput = (chunk: Buffer): void => {
    output += chunk.toString('utf8');
    if (output.endsWith(mark)) onMark();
  };
  const onError = (chunk: Buffer): void => {
    errors += chunk.toString('utf8');
  };
  child.stdout?.on('data', onOutput);
  child.stderr?.on('data', onError);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(`no end within ${timeoutMs / 1000} s`), timeoutMs);
  });
  one.commands.write(`${command}\0`);
  const how = await Promise.race([marked, one.ended, late]);
  clearTimeout(timer);
  child.stdout?.off('data', onOutput);
  child.stderr?.off('data', onError);
  if (how === 'done') return output.slice(0, -mark.length);
  throw new InfraError({
    code: 'service-failed',
    message: `The command failed (${how}): ${command}\n${output}${errors}`.trimEnd(),
    hint: 'Mend the command or what it calls; the quick start must work as it is written.',
  });
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}
