/**
 * The deep check: recomputes every origin's chain from the rows as they are in the tables, and looks for rows that
 * no chain accounts for.
 *
 * The vector says what a replica believes; this says what its rows hash to. It reads page by page, so others are
 * served meanwhile, and looks at the state of the moment in which it began.
 */
import { type Chain, GENESIS } from './chain.ts';
import { errorText } from './errors.ts';
import type { History } from './history.ts';
import { digestOf, type Origin, type Origins, type Vector } from './origins.ts';
import type { Database } from './sqlite.ts';
import { findStrayRows } from './stray-rows.ts';

/** Rows read at a time. */
const PAGE_ROWS = 500;

/** What the rows say. */
export interface DeepCheck {
  /** Digest over the recomputed links: equal to the replica's digest when the rows are what they were. */
  readonly digest: string;
  /** Digest of the vector at the moment the check began. */
  readonly expected: string;
  readonly rows: number;
  /** What does not fit: the first place of each origin, and stray rows. Empty when all is well. */
  readonly problems: readonly { readonly origin: string; readonly seq: number; readonly what: string }[];
}

/** What a check looks at. */
export interface DeepCheckOptions {
  readonly reader: Database['reader'];
  readonly history: History;
  readonly origins: Origins;
  readonly chain: Chain;
  /** Called before each page with the rows read so far; waits as long as it likes, and ends the check by throwing. */
  readonly pace?: (rows: number) => Promise<void> | void;
}

/** Recomputes everything. */
export async function deepCheck(options: DeepCheckOptions): Promise<DeepCheck> {
  const expected = options.origins.vector();
  const found: Record<string, Vector[string]> = {};
  const problems: { origin: string; seq: number; what: string }[] = [];
  let rows = 0;
  for (const origin of options.origins.list().filter(({ seq }) => seq > 0)) {
    const { seq, link, problem } = await recompute(origin, options, rows);
    found[origin.name] = { seq, chain: link.toString('hex') };
    rows += seq;
    if (problem) problems.push({ origin: origin.name, seq: seq + 1, what: problem });
  }
  problems.push(...(await findStrayRows(options.reader, options.history.tables)));
  return { digest: digestOf(found), expected: digestOf(expected), rows, problems };
}

async function recompute(
  origin: Origin,
  options: DeepCheckOptions,
  rowsBefore: number,
): Promise<{ seq: number; link: Buffer; problem?: string }> {
  let link: Buffer = GENESIS;
  let seq = 0;
  let limit = PAGE_ROWS;
  while (seq < origin.seq) {
    await options.pace?.(rowsBefore + seq);
    try {
      const range = { after: seq, upTo: origin.seq, limit };
      for (const event of await options.history.read(options.reader, origin, range)) {
        const own = options.chain.link(link, event);
        if (!own.equals(event.chain))
          return { seq, link, problem: `row ${event.seq} does not hash to its link` };
        link = own;
        seq = event.seq;
      }
    } catch (error) {
      if (limit === 1) return { seq, link, problem: errorText(error) };
      // A page with a hole cannot be read; row by row its place is found.
      limit = 1;
    }
  }
  return link.equals(origin.chain)
    ? { seq, link }
    : { seq: seq - 1, link, problem: 'the last link is not the stored one' };
}
