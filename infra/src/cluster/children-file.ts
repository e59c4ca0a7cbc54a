/**
 * Which processes a supervisor has started, written down so that the next one can end them.
 *
 * A supervisor that is killed with -9 cannot take its children along. The next one on the same data directory
 * ends those that it can prove to be the recorded ones (pid, start time and command line), and no other.
 */
import { readFileSync, rmSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { writeFileAtomically } from '../process/atomic-file.ts';
import { identifyProcess, isSameProcess } from '../process/process-identity.ts';
import { waitFor } from '../process/wait-for.ts';

const childSchema = z.object({
  name: z.string(),
  pid: z.number().int().positive(),
  startedAt: z.string(),
  command: z.string(),
});
const fileSchema = z.object({ children: z.array(childSchema) });

/** One recorded child. */
export type RecordedChild = z.infer<typeof childSchema>;

const graceMs = 8000;
/** What the services stand on. */
const serverNames: ReadonlySet<string> = new Set(['broker', 'postgres']);

/** The record of the present supervisor's children. */
export class ChildrenFile {
  readonly #path: string;
  readonly #children = new Map<string, RecordedChild>();

  constructor(path: string) {
    this.#path = path;
  }

  /** Writes down a child that was just born; its earlier life of the same name is forgotten. Synchronous. */
  record(name: string, pid: number): void {
    const identity = identifyProcess(pid);
    if (identity === null) return;
    this.#children.set(name, { name, ...identity });
    this.#write();
  }

  /** Removes the file: nothing is left running. */
  remove(): void {
    rmSync(this.#path, { force: true });
  }

  #write(): void {
    const text = `${JSON.stringify({ children: [...this.#children.values()] }, null, 2)}\n`;
    writeFileAtomically({ path: this.#path, text });
  }
}

/** Reads a record; empty when there is none or it is no record of ours. */
export function readChildren(path: string): readonly RecordedChild[] {
  try {
    return fileSchema.parse(JSON.parse(readFileSync(path, 'utf8'))).children;
  } catch {
    return [];
  }
}

/**
 * Ends the recorded children that are still the same processes: SIGTERM, and SIGKILL after 8 s; services first,
 * the servers that they stand on after them. Returns those it ended.
 */
export async function endOrphans(path: string): Promise<readonly RecordedChild[]> {
  const recorded = readChildren(path);
  const orphans = recorded.filter(isSameProcess);
  await Promise.all(orphans.filter(({ name }) => !serverNames.has(name)).map(endOrphan));
  await Promise.all(orphans.filter(({ name }) => serverNames.has(name)).map(endOrphan));
  // A new supervisor may have written a record of its own meanwhile.
  if (isDeepStrictEqual(readChildren(path), recorded)) rmSync(path, { force: true });
  return orphans;
}

async function endOrphan(orphan: RecordedChild): Promise<void> {
  const goneWithin = (timeoutMs: number): Promise<true> =>
    waitFor({
      what: `the end of ${orphan.name}`,
      timeoutMs,
      look: () => (isSameProcess(orphan) ? { missing: `process ${orphan.pid} is alive` } : { found: true }),
    });
  send(orphan.pid, 'SIGTERM');
  await goneWithin(graceMs).catch(async () => {
    // Our children lead groups of their own, so this takes what they have started along.
    if (isSameProcess(orphan)) send(-orphan.pid, 'SIGKILL');
    await goneWithin(graceMs);
  });
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Gone meanwhile.
  }
}
