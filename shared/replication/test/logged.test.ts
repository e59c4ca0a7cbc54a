/**
 * When two replicas stand at one place of one log.
 */
import { expect, it } from 'vitest';
import { isSamePlace, type LoggedPlace } from '../src/logged.ts';
import type { Position } from '../src/positions.ts';

const at = (next: number, fill?: number): Position => ({
  next,
  bookmark: fill === undefined ? null : { offset: next - 1, fingerprint: Buffer.alloc(32, fill) },
});
const told = (partition: number, { next, bookmark }: Position): LoggedPlace => ({
  partition,
  next,
  bookmark: bookmark && { ...bookmark, fingerprint: bookmark.fingerprint.toString('hex') },
});

it.each([
  ['the same bookmarks', [at(5, 1), at(7, 2)], [at(5, 1), at(7, 2)], true],
  ['a bookmark that one of them came too late for', [at(5, 1), at(7)], [at(5, 1), at(7, 2)], true],
  ['no bookmark in common', [at(5), at(7, 2)], [at(5, 1), at(7)], false],
  ['another record at the same offset', [at(5, 1), at(7, 2)], [at(5, 1), at(7, 3)], false],
  ['a partition read further', [at(5, 1), at(7, 2)], [at(5, 1), at(8, 2)], false],
  ['a partition less', [at(5, 1), at(7, 2)], [at(5, 1)], false],
  ['nothing told', [at(5, 1)], [], false],
  ['nothing read', [], [], false],
])('%s: is it one place of one log', (_, ours, theirs, expected) => {
  const positions = theirs.map((position, partition) => told(partition, position));
  expect(isSamePlace(new Map(ours.entries()), positions)).toBe(expected);
});
