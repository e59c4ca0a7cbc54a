/**
 * The start of one container, told with the container's own last words when it fails.
 *
 * A container that does not come up is removed, by testcontainers or here, and its log goes with it: what it printed
 * is therefore taken down from the first line on, and is part of the error. So whoever waits for the start, a test or
 * a hook before all tests, shows it.
 */
import type { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';

const MAX_LINES = 40;
const MAX_KEPT_CHARACTERS = 64 * 1024;
/** The rest of the output of a container that has ended. */
const REST_MS = 5_000;

/** One container on its way. */
export interface ContainerStart<T> {
  readonly name: string;
  /** Starts it; `follow` is to be given its output as soon as there is some. */
  readonly start: (follow: (output: Readable) => void) => Promise<T>;
  /** What it printed, asked of the engine: for a container that ended before anybody followed it. */
  readonly printed: () => Promise<string>;
  /** Removes what is left of it. */
  readonly remove: () => Promise<void>;
}

/** Starts it. @throws Error with its last lines when it does not start; nothing is left of it then. */
export async function startOrTell<T>({ name, start, printed, remove }: ContainerStart<T>): Promise<T> {
  let text = '';
  let output: Readable | undefined;
  const follow = (stream: Readable): void => {
    output = stream;
    stream.on('error', () => undefined);
    stream.on('data', (chunk) => {
      text = `${text}${chunk}`.slice(-MAX_KEPT_CHARACTERS);
    });
  };
  try {
    const started = await start(follow);
    output?.destroy();
    return started;
  } catch (error) {
    if (output !== undefined) await toEnd(output);
    if (text.trim() === '') text = await printed().catch(String);
    output?.destroy();
    const removal = await remove().then(
      () => '',
      (left) => `\nIt could not be removed: ${left}`,
    );
    const message = error instanceof Error ? error.message : String(error);
    throw new Error(`${name} did not start: ${message}\nIts last lines:\n${lastLines(text)}${removal}`, {
      cause: error,
    });
  }
}

async function toEnd(output: Readable): Promise<void> {
  // One that was not stopped prints on and on.
  await finished(output, { signal: AbortSignal.timeout(REST_MS) }).catch(() => undefined);
}

function lastLines(text: string): string {
  const lines = text.trimEnd().split('\n').slice(-MAX_LINES);
  return lines.join('\n') || '(it printed nothing)';
}
