/**
 * Executes the quick start of the README and compares what comes out with what it says.
 *
 * The first command keeps running in the background, in a process group of its own that gets Ctrl-C at the end;
 * the others run in one shell. A read whose answer does not fit yet is asked again for some seconds, because
 * replicas are eventually consistent, and the README says so.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Environment } from '../cluster/service-environment.ts';
import { errorText, InfraError } from '../infra-error.ts';
import { type Life, startLife } from '../process/life.ts';
import { waitFor } from '../process/wait-for.ts';
import { differenceTo, missingLine } from './expectation.ts';
import type { QuickStartStep } from './quick-start.ts';
import { openShell, type Shell } from './shell.ts';

const readyTimeoutMs = 10 * 60_000;
const commandTimeoutMs = 120_000;
const settleTimeoutMs = 10_000;
const stopTimeoutMs = 30_000;

/** What to execute, where. */
export interface QuickStartRun {
  readonly steps: readonly QuickStartStep[];
  readonly workingDir: string;
  /** Where the first command keeps its data; its `dev.json` must be gone in the end. */
  readonly dataDir: string;
  readonly environment: Environment;
  readonly print: (text: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Executes every step; resolves when all of it came out as written and nothing is left running.
 * @throws `service-failed`, naming the command and the difference; `stopped` when called off.
 */
export async function runQuickStart(run: QuickStartRun): Promise<void> {
  const [first, ...others] = run.steps;
  if (first === undefined) return;
  const printed: string[] = [];
  const dev = await startDev(run, first, printed);
  const shell = openShell({ cwd: run.workingDir, environment: run.environment });
  const onAbort = (): void => void shell.close();
  run.signal.addEventListener('abort', onAbort, { once: true });
  const close = async (): Promise<void> => {
    run.signal.removeEventListener('abort', onAbort);
    await shell.close();
    await stopDev(run, dev);
  };
  try {
    await devReady({ run, first, dev, printed });
    for (const step of others) await runStep(run, step, shell);
  } catch (error) {
    // What went wrong first is what the reader must see.
    await close().catch((second: unknown) => run.print(errorText(second)));
    throw error;
  }
  await close();
}

function startDev(run: QuickStartRun, first: QuickStartStep, printed: string[]): Promise<Life> {
  const command = first.commands[0] ?? '';
  run.print(`$ ${command} &`);
  return startLife({
    command: 'bash',
    args: ['-c', command],
    cwd: run.workingDir,
    environment: Object.fromEntries(
      Object.entries(run.environment).filter((entry): entry is [string, string] => entry[1] !== undefined),
    ),
    onLine: (line) => {
      printed.push(line);
      if (printed.length > 5000) printed.shift();
      run.print(`  ${line}`);
    },
  });
}

async function devReady(of: {
  readonly run: QuickStartRun;
  readonly first: QuickStartStep;
  readonly dev: Life;
  readonly printed: readonly string[];
}): Promise<void> {
  const { run, first, dev, printed } = of;
  await waitFor({
    what: `"ready in" from ${first.commands[0]}`,
    timeoutMs: readyTimeoutMs,
    signal: run.signal,
    onProgress: run.print,
    progressMs: 15_000,
    look: async () => {
      if (dev.isOver())
        throw failed(first.commands[0] ?? '', `it ended (${await dev.ended}) before it was ready`);
      return printed.some((line) => line.startsWith('ready in'))
        ? { found: true }
        : { missing: 'it has not come yet' };
    },
  });
  if (first.expected === null) return;
  const missing = missingLine(first.expected.text, printed.join('\n'));
  if (missing !== null) throw failed(first.commands[0] ?? '', `it did not print: ${missing}`);
}

async function runStep(run: QuickStartRun, step: QuickStartStep, shell: Shell): Promise<void> {
  for (const command of step.commands.slice(0, -1)) await runCommandOf(run, shell, command);
  const last = step.commands.at(-1) ?? '';
  const { expected } = step;
  if (expected === null) {
    await runCommandOf(run, shell, last);
    return;
  }
  let difference: string | null = null;
  await waitFor({
    what: `the output of ${last}`,
    timeoutMs: isRead(last) ? settleTimeoutMs : 0,
    intervalMs: 500,
    signal: run.signal,
    look: async () => {
      difference = differenceTo(expected, await runCommandOf(run, shell, last));
      if (difference === null) return { found: true };
      if (isRead(last)) run.print(`# not yet as written: ${difference}`);
      return { missing: difference };
    },
  }).catch((error: unknown) => {
    throw difference === null ? error : failed(last, difference);
  });
  run.print('# as written');
}

async function runCommandOf(run: QuickStartRun, shell: Shell, command: string): Promise<string> {
  run.print(`$ ${command}`);
  const output = await shell.run(command, commandTimeoutMs);
  run.print(output.trimEnd());
  return output;
}

/**
 * A curl that sends nothing may be repeated without doing anything twice. One that brings a session along has to be
 * right at once.
 */
function isRead(command: string): boolean {
  if (/Consistency-Token|\s-b\s/i.test(command)) return false;
  return /^curl\s/.test(command) && !/\s(?:-d|--data\S*|-X|--request|-F|--form|-T|--json)\b/.test(command);
}

/** Ctrl-C, as in a terminal: to the whole group. */
async function stopDev(run: QuickStartRun, dev: Life): Promise<void> {
  run.print('$ Ctrl-C');
  dev.interruptGroup();
  const timer = setTimeout(() => dev.signal('SIGKILL'), stopTimeoutMs);
  await dev.ended;
  clearTimeout(timer);
  const devFile = join(run.dataDir, 'dev.json');
  await waitFor({
    what: 'everything to be down after Ctrl-C',
    timeoutMs: stopTimeoutMs,
    look: () => (existsSync(devFile) ? { missing: `${devFile} is still there` } : { found: true }),
  });
  run.print('# everything is down');
}

function failed(command: string, difference: string): InfraError {
  return new InfraError({
    code: 'service-failed',
    message: `The README is wrong about: ${command}\n${difference}`,
    hint: 'Mend the README or what it describes.',
  });
}
