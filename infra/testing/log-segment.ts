/**
 * A partition's file in a broker's data: batches, each with its first offset (8 bytes) and its length (4) in front.
 */
import { readFileSync, truncateSync } from 'node:fs';

const HEAD_BYTES = 12;

/** Where each batch of the file begins, in bytes, and where the last one ends. */
function batchBounds(file: string): number[] {
  const bytes = readFileSync(file);
  const bounds = [0];
  let at = 0;
  while (at + HEAD_BYTES <= bytes.length) {
    at += HEAD_BYTES + bytes.readInt32BE(at + 8);
    bounds.push(at);
  }
  return bounds;
}

/** Takes the second half of the batches away, as a disk does that lost what was not flushed. Says how many those were. */
export function loseTail(file: string): number {
  const bounds = batchBounds(file);
  const batches = bounds.length - 1;
  const kept = Math.ceil(batches / 2);
  truncateSync(file, bounds[kept]);
  return batches - kept;
}
