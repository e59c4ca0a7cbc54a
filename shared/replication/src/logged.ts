/**
 * What a replica has seen in the log, and where it stands in it: one replica tells it, another may learn from it.
 *
 * Where retention has cut a log before a replica began to read it, that replica cannot see what was in the part that is
 * gone. A peer that was there can say so. It counts only where both stand at one place of one log, which the same
 * bookmark proves: of a log of before, what was in it says nothing of the one that took its place.
 */
import type { Origins } from './origins.ts';
import type { Position } from './positions.ts';

/** Place of one partition. */
export interface LoggedPlace {
  readonly partition: number;
  readonly next: number;
  /** Offset and fingerprint (hex) of the last record before `next`; null where none was read. */
  readonly bookmark: { readonly offset: number; readonly fingerprint: string } | null;
}

/** What one replica has seen of one log. */
export interface Logged {
  /** Empty while the replica is not sure of its log. */
  readonly positions: readonly LoggedPlace[];
  /** Rows 1..n of each origin were read from it, or stand below where it was cut. */
  readonly published: Readonly<Record<string, number>>;
}

/** What is told while nothing is known for sure. */
export const NOTHING_LOGGED: Logged = { positions: [], published: {} };

/** Puts it together from what is in memory. */
export function describeLogged(positions: ReadonlyMap<number, Position>, origins: Origins): Logged {
  return {
    positions: [...positions].map(([partition, position]) => placeOf(partition, position)),
    published: Object.fromEntries(
      origins.list().flatMap(({ name, published }) => (published > 0 ? [[name, published]] : [])),
    ),
  };
}

/**
 * True when `theirs` is the place where we stand, in the same log: each partition goes on at the same offset, no two
 * bookmarks differ, and at least one is the same. Who came after a cut may have none where the other one has.
 */
export function isSamePlace(ours: ReadonlyMap<number, Position>, theirs: readonly LoggedPlace[]): boolean {
  if (ours.size !== theirs.length) return false;
  let isProven = false;
  for (const { partition, next, bookmark } of theirs) {
    const here = ours.get(partition);
    if (here?.next !== next) return false;
    if (!bookmark || !here.bookmark) continue;
    const { offset, fingerprint } = here.bookmark;
    if (offset !== bookmark.offset || fingerprint.toString('hex') !== bookmark.fingerprint) return false;
    isProven = true;
  }
  return isProven;
}

function placeOf(partition: number, { next, bookmark }: Position): LoggedPlace {
  if (!bookmark) return { partition, next, bookmark };
  return {
    partition,
    next,
    bookmark: { offset: bookmark.offset, fingerprint: bookmark.fingerprint.toString('hex') },
  };
}
