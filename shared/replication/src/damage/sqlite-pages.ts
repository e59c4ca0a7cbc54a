/**
 * The pages of a SQLite file, read without SQLite: what is left of a file that SQLite refuses.
 *
 * Only what is needed to find records: page kinds, cells, varints, record headers, overflow pages, and the frames of a
 * write-ahead log (https://sqlite.org/fileformat2.html). Nothing is believed: every bound is checked, and what does
 * not parse is skipped. Whether a record is genuine is asked elsewhere, of its chain.
 */
import { closeSync, existsSync, openSync, readSync, statSync } from 'node:fs';
import type { Value } from '../table.ts';

/** One value as it stands in a record. */
export type StoredValue = Value | Buffer;

/** A record somewhere on a page. */
export interface FoundRecord {
  readonly values: readonly StoredValue[];
  /** Present in tables with rowids: the id, which stands for a column of type INTEGER PRIMARY KEY. */
  readonly rowId?: number;
}

const LEAF_TABLE = 0x0d;
const LEAF_INDEX = 0x0a;
const INTERIOR_INDEX = 0x02;

/** Largest record that is put together from overflow pages, in bytes. */
const MAX_RECORD_BYTES = 1 << 20;

const FRAME_HEADER_BYTES = 24;
const WAL_HEADER_BYTES = 32;

/** Sizes that the pages of a file may have: what it and its log say, and SQLite's default, as either may be damaged. */
export function pageSizesOf(file: string): number[] {
  const header = readStart(file, 100);
  const wal = readStart(`${file}-wal`, WAL_HEADER_BYTES);
  const inFile = header.length < 18 ? 0 : header.readUInt16BE(16);
  const inWal = wal.length < WAL_HEADER_BYTES ? 0 : wal.readUInt32BE(8);
  // A header of 1 means 65 536.
  const claims = [4096, inFile === 1 ? 65_536 : inFile, inWal];
  const isSize = (size: number): boolean => size >= 512 && size <= 65_536 && (size & (size - 1)) === 0;
  return [...new Set(claims.filter(isSize))];
}

/** All pages of a database file and of its log, each as often as it occurs. */
export class PageFile {
  readonly pageBytes: number;
  readonly #file: number | undefined;
  readonly #wal: number | undefined;
  readonly #pages: number;
  /** Offsets in the log of each version of a page, the oldest first. */
  readonly #frames = new Map<number, number[]>();

  /** Reads `file` as if its pages had `pageBytes`. */
  constructor(file: string, pageBytes: number) {
    const wal = `${file}-wal`;
    this.pageBytes = pageBytes;
    this.#file = existsSync(file) ? openSync(file, 'r') : undefined;
    this.#wal = existsSync(wal) ? openSync(wal, 'r') : undefined;
    this.#pages = existsSync(file) ? Math.ceil(statSync(file).size / pageBytes) : 0;
    if (this.#wal !== undefined) this.#readFrames(statSync(wal).size);
  }

  /** Every version of every page, with its number. */
  *versions(): Generator<{ number: number; page: Buffer }> {
    for (let number = 1; number <= this.#pages; number += 1) {
      yield { number, page: this.#filePage(number) };
    }
    for (const [number, offsets] of this.#frames) {
      for (const offset of offsets) yield { number, page: this.#framePage(offset) };
    }
  }

  /** Versions of one page, the latest first. */
  *pagesAt(number: number): Generator<Buffer> {
    for (const offset of [...(this.#frames.get(number) ?? [])].reverse()) yield this.#framePage(offset);
    if (number >= 1 && number <= this.#pages) yield this.#filePage(number);
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    if (this.#wal !== undefined) closeSync(this.#wal);
  }

  /** Frames of this log's present life: the same salts. A checksum that fails ends what SQLite reads, not what we do. */
  #readFrames(size: number): void {
    const header = readAt(this.#wal, 0, WAL_HEADER_BYTES);
    if (header.length < WAL_HEADER_BYTES) return;
    const salts = header.subarray(16, 24);
    const step = FRAME_HEADER_BYTES + this.pageBytes;
    for (let offset = WAL_HEADER_BYTES; offset + step <= size; offset += step) {
      const frame = readAt(this.#wal, offset, FRAME_HEADER_BYTES);
      const number = frame.readUInt32BE(0);
      // A frame whose own salts were hit is read all the same: its rows have to prove themselves like any other.
      if (number < 1 || (!frame.subarray(8, 16).equals(salts) && this.#isOldFrame(frame, salts))) continue;
      this.#frames.set(number, [...(this.#frames.get(number) ?? []), offset + FRAME_HEADER_BYTES]);
    }
  }

  /** True where both salts differ: it was left behind by an earlier life of the log. */
  #isOldFrame(frame: Buffer, salts: Buffer): boolean {
    return (
      !frame.subarray(8, 12).equals(salts.subarray(0, 4)) &&
      !frame.subarray(12, 16).equals(salts.subarray(4, 8))
    );
  }

  #filePage(number: number): Buffer {
    return pad(readAt(this.#file, (number - 1) * this.pageBytes, this.pageBytes), this.pageBytes);
  }

  #framePage(offset: number): Buffer {
    return pad(readAt(this.#wal, offset, this.pageBytes), this.pageBytes);
  }
}

/** All records on one version of a page. On a page that is not in order, every byte may be where one begins. */
export function* recordsOn(found: { number: number; page: Buffer }, file: PageFile): Generator<FoundRecord> {
  const { number, page } = found;
  const start = number === 1 ? 100 : 0;
  const kind = page[start] ?? 0;
  let isInOrder = kind === LEAF_TABLE || kind === LEAF_INDEX || kind === INTERIOR_INDEX;
  if (isInOrder) {
    const cells = page.readUInt16BE(start + 3);
    const pointers = start + (kind === INTERIOR_INDEX ? 12 : 8);
    for (let i = 0; i < cells; i += 1) {
      const at = pointers + 2 * i;
      const record =
        at + 2 <= page.length ? readCell({ page, kind, at: page.readUInt16BE(at) }, file) : undefined;
      if (record) yield record;
      else isInOrder = false;
    }
  }
  if (isInOrder) return;
  for (let at = start; at < page.length - 4; at += 1) {
    for (const guess of [LEAF_INDEX, LEAF_TABLE]) {
      const record = readCell({ page, kind: guess, at }, file);
      if (record) yield record;
    }
  }
}

function readCell(cell: { page: Buffer; kind: number; at: number }, file: PageFile): FoundRecord | undefined {
  const { page, kind } = cell;
  let at = cell.at + (kind === INTERIOR_INDEX ? 4 : 0);
  const size = readVarint(page, at);
  if (!size || size.value < 4 || size.value > MAX_RECORD_BYTES) return undefined;
  at = size.next;
  let rowId: number | undefined;
  if (kind === LEAF_TABLE) {
    const id = readVarint(page, at);
    if (!id) return undefined;
    rowId = id.value;
    at = id.next;
  }
  const payload = readPayload({ page, at, size: size.value, isTable: kind === LEAF_TABLE }, file);
  const values = payload && readRecord(payload);
  return values && (rowId === undefined ? { values } : { values, rowId });
}

function readPayload(
  { page, at, size, isTable }: { page: Buffer; at: number; size: number; isTable: boolean },
  file: PageFile,
): Buffer | undefined {
  const usable = file.pageBytes;
  const largest = isTable ? usable - 35 : Math.floor(((usable - 12) * 64) / 255) - 23;
  if (size <= largest) return at + size <= page.length ? page.subarray(at, at + size) : undefined;
  const least = Math.floor(((usable - 12) * 32) / 255) - 23;
  const wanted = least + ((size - least) % (usable - 4));
  const local = wanted <= largest ? wanted : least;
  if (at + local + 4 > page.length) return undefined;
  const parts = [page.subarray(at, at + local)];
  let missing = size - local;
  let next = page.readUInt32BE(at + local);
  while (missing > 0) {
    const [overflow] = file.pagesAt(next);
    if (!overflow) return undefined;
    const part = overflow.subarray(4, 4 + Math.min(missing, usable - 4));
    parts.push(part);
    missing -= part.length;
    next = overflow.readUInt32BE(0);
  }
  return Buffer.concat(parts);
}

/** The values of a record; undefined where header and body do not fit each other to the byte. */
function readRecord(payload: Buffer): StoredValue[] | undefined {
  const head = readVarint(payload, 0);
  if (!head || head.value < 2 || head.value > payload.length) return undefined;
  const values: StoredValue[] = [];
  let body = head.value;
  let at = head.next;
  while (at < head.value) {
    const type = readVarint(payload, at);
    if (!type) return undefined;
    at = type.next;
    const read = readValue(payload, body, type.value);
    if (read === undefined) return undefined;
    values.push(read.value);
    body += read.bytes;
  }
  return at === head.value && body === payload.length ? values : undefined;
}

const INTEGER_BYTES = [0, 1, 2, 3, 4, 6, 8];

function readValue(
  payload: Buffer,
  at: number,
  type: number,
): { value: StoredValue; bytes: number } | undefined {
  if (type === 0) return { value: null, bytes: 0 };
  if (type === 8 || type === 9) return { value: type - 8, bytes: 0 };
  if (type === 10 || type === 11) return undefined;
  const bytes = type <= 6 ? (INTEGER_BYTES[type] ?? 0) : type === 7 ? 8 : Math.floor((type - 12) / 2);
  if (at + bytes > payload.length) return undefined;
  if (type === 7) return { value: payload.readDoubleBE(at), bytes };
  if (type === 6) return { value: Number(payload.readBigInt64BE(at)), bytes };
  if (type < 6) return { value: payload.readIntBE(at, bytes), bytes };
  const part = payload.subarray(at, at + bytes);
  return { value: type % 2 === 0 ? Buffer.from(part) : part.toString('utf8'), bytes };
}

/** SQLite's variable-length integer; undefined beyond what a number holds exactly. */
function readVarint(buffer: Buffer, start: number): { value: number; next: number } | undefined {
  let value = 0;
  for (let i = 0; i < 8; i += 1) {
    const byte = buffer[start + i];
    if (byte === undefined) return undefined;
    value = value * 128 + (byte & 0x7f);
    if (byte < 0x80) return value <= Number.MAX_SAFE_INTEGER ? { value, next: start + i + 1 } : undefined;
  }
  return undefined;
}

function readStart(file: string, length: number): Buffer {
  if (!existsSync(file)) return Buffer.alloc(0);
  const handle = openSync(file, 'r');
  try {
    return readAt(handle, 0, length);
  } finally {
    closeSync(handle);
  }
}

function readAt(handle: number | undefined, position: number, length: number): Buffer {
  if (handle === undefined) return Buffer.alloc(0);
  const buffer = Buffer.alloc(length);
  return buffer.subarray(0, readSync(handle, buffer, 0, length, position));
}

function pad(page: Buffer, length: number): Buffer {
  return page.length === length ? page : Buffer.concat([page, Buffer.alloc(length - page.length)]);
}
