/**
 * How many connections a server may hold: what was asked for, but never so many that the process is out of file
 * descriptors. Without a descriptor to spare the database, the broker and the next client fail in ways that nobody
 * can tell from a broken disk.
 */
import { readFileSync } from 'node:fs';

/** Connections where nothing else is said. */
const MOST = 4096;

/** Descriptors kept for files, broker, peers and the runtime itself. */
const RESERVED = 64;

/** Share of the connections whose requests are served; the rest is there to be told that it is too much. */
const SERVED = 0.9;

/** Bounds of one server. */
export interface ConnectionBound {
  /** Connections beyond it are cut off without an answer. */
  readonly accepted: number;
  /** Requests on connections beyond it are answered with 503. */
  readonly served: number;
}

/** The bound for `asked` connections in a process that may have `descriptors` files open. */
export function connectionBound(
  asked: number = MOST,
  descriptors: number = openFilesAllowed(),
): ConnectionBound {
  const accepted = Math.max(2, Math.min(asked, descriptors - RESERVED));
  return { accepted, served: Math.max(1, Math.floor(accepted * SERVED)) };
}

/** The limit of this process; where it cannot be read, none. */
function openFilesAllowed(): number {
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
    return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
