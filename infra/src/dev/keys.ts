/**
 * Single keys in the terminal while `pnpm dev` runs.
 *
 * Raw mode makes Ctrl-C a key like any other, so it is handled here too; the mode is put back when it is over.
 * Keys that need a replica ask for its number; any other key calls that off.
 */

/** The slice of `process.stdin` in a terminal that this needs. */
export interface KeyInput {
  setRawMode(isRaw: boolean): unknown;
  resume(): unknown;
  pause(): unknown;
  on(event: 'data', listener: (chunk: Buffer) => void): unknown;
  off(event: 'data', listener: (chunk: Buffer) => void): unknown;
}

/** What the keys do. Errors are the owner's to catch. */
export interface KeyActions {
  help(): void;
  add(): void;
  verify(): void;
  quit(): void;
  /** Ctrl-C. */
  interrupt(): void;
  /** Kills or restarts replica `number`. */
  kill(number: number): void;
  restart(number: number): void;
  /** Asks for a number, in words. */
  ask(question: string): void;
}

const ctrlC = '\u0003';

/** Listens until the returned function is called, which puts the terminal back. */
export function listenToKeys(input: KeyInput, actions: KeyActions): () => void {
  let pending: 'kill' | 'restart' | null = null;
  const choose = (action: 'kill' | 'restart'): void => {
    pending = action;
    actions.ask(`${action} which replica? 1 to 9, another key for none`);
  };
  const press = (key: string): void => {
    const waiting = pending;
    pending = null;
    if (key === ctrlC) actions.interrupt();
    else if (waiting !== null) {
      if (/^[1-9]$/.test(key)) actions[waiting](Number(key));
    } else if (key === 'h' || key === '?') actions.help();
    else if (key === 'a') actions.add();
    else if (key === 'v') actions.verify();
    else if (key === 'q') actions.quit();
    else if (key === 'k') choose('kill');
    else if (key === 'r') choose('restart');
  };
  const onData = (chunk: Buffer): void => {
    for (const key of chunk.toString('latin1')) press(key);
  };
  input.setRawMode(true);
  input.on('data', onData);
  input.resume();
  return () => {
    input.off('data', onData);
    input.setRawMode(false);
    input.pause();
  };
}
