/**
 * The chain: a keyed hash link for every row, over everything its origin wrote before.
 *
 * `chain(n) = HMAC-SHA256(key, chain(n-1), origin, seq, schema version, table, canonical bytes of row n)`,
 * starting from 32 zero bytes. The last link stands for the origin's whole history, and nobody without the
 * cluster's secret can make one. Equal links mean equal histories; the table's name is covered, too, so that a
 * row cannot be moved into another table.
 */
import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto';

/** Bytes of a link. */
const LINK_BYTES = 32;

/** The link before the first row of every origin. */
export const GENESIS: Buffer = Buffer.alloc(LINK_BYTES);

/** What one link covers, besides the link before it. */
export interface Linked {
  readonly origin: string;
  readonly seq: number;
  readonly schemaVersion: number;
  readonly table: string;
  readonly bytes: Uint8Array;
}

/** Makes and verifies links and signatures for one cluster. */
export interface Chain {
  /** The link of a row after `previous`. */
  link(previous: Uint8Array, row: Linked): Buffer;
  /** True when `link` is the link of the row after `previous`; takes the same time whatever differs. */
  verify(link: Uint8Array, previous: Uint8Array, row: Linked): boolean;
  /** A signature over an announcement's bytes. Its key is not the chain's, so neither can pass for the other. */
  sign(bytes: Uint8Array): Buffer;
  verifySignature(signature: Uint8Array, bytes: Uint8Array): boolean;
}

/** The chain of a cluster. Both name and secret go into the key: another cluster's events never verify here. */
export function createChain(options: { cluster: string; secret: string }): Chain {
  const chainKey = deriveKey(options, 'dbsync chain 1');
  const announcementKey = deriveKey(options, 'dbsync announcement 1');
  const covered = createFrame();
  const link = (previous: Uint8Array, row: Linked): Buffer =>
    createHmac('sha256', chainKey).update(covered(previous, row)).digest();
  const sign = (bytes: Uint8Array): Buffer => createHmac('sha256', announcementKey).update(bytes).digest();
  return {
    link,
    verify: (given, previous, row) => isSame(given, link(previous, row)),
    sign,
    verifySignature: (given, bytes) => isSame(given, sign(bytes)),
  };
}

/**
 * What a link covers, in one piece, as every piece is a call into the hash: the link before, seq int64, schema version
 * int32, length of the names int32, length of the row int32, names, row. Lengths go before everything of variable size: no
 * two different rows may give the same bytes to the hash. The memory is used again for the next row.
 */
function createFrame(): (previous: Uint8Array, row: Linked) => Buffer {
  let memory = Buffer.allocUnsafeSlow(4096);
  return (previous, { origin, table, seq, schemaVersion, bytes }) => {
    const names = `${origin}\n${table}\n`;
    const head = previous.length + 20;
    const longest = head + 3 * names.length + bytes.length;
    if (memory.length < longest) memory = Buffer.allocUnsafeSlow(2 * longest);
    memory.set(previous, 0);
    const end = head + memory.write(names, head);
    let at = memory.writeUInt32BE(Math.floor(seq / 2 ** 32), previous.length);
    at = memory.writeUInt32BE(seq % 2 ** 32, at);
    at = memory.writeUInt32BE(schemaVersion, at);
    at = memory.writeUInt32BE(end - head, at);
    memory.writeUInt32BE(bytes.length, at);
    memory.set(bytes, end);
    return memory.subarray(0, end + bytes.length);
  };
}

function deriveKey(options: { cluster: string; secret: string }, purpose: string): KeyObject {
  return createSecretKey(
    createHmac('sha256', options.secret).update(`${purpose}\n${options.cluster}`).digest(),
  );
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}
