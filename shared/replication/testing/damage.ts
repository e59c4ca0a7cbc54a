/**
 * Damage for tests: seeded edits of a database that nobody has open, each of one kind.
 */
import { existsSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';

/** Numbers from a seed: the same seed, the same numbers (xorshift32). */
export class SeededNumbers {
  #state: number;

  constructor(seed: number) {
    this.#state = Math.imul(seed + 1, 0x9e3779b1) >>> 0 || 1;
  }

  /** A whole number 0..below-1. */
  below(below: number): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x >>> 0;
    return this.#state % below;
  }

  pick<T>(choices: readonly T[]): T {
    const picked = choices[this.below(choices.length)];
    if (picked === undefined) throw new Error('there is nothing to pick from');
    return picked;
  }
}

/** Everything that is done to databases. */
export const DAMAGES = [
  'bits in the file',
  'bits in one page',
  'a page of zeros',
  'a page of noise',
  'the header',
  'the file cut short',
  'the file emptied',
  'bits in the log',
  'the log cut short',
  'the log missing',
  'a foreign log',
] as const;

/** One of them. */
export type Damage = (typeof DAMAGES)[number];

const PAGE_BYTES = 4096;

/** Damages a database in place; says what exactly was done. */
export function damageDatabase(
  file: string,
  { kind, numbers, foreignLog }: { kind: Damage; numbers: SeededNumbers; foreignLog: Buffer },
): string {
  const wal = `${file}-wal`;
  const bytes = statSync(file).size;
  const pages = Math.max(1, Math.floor(bytes / PAGE_BYTES));
  switch (kind) {
    case 'bits in the file':
      return flip(file, { from: 0, to: bytes, flips: 1 + numbers.below(64), numbers });
    case 'bits in one page': {
      const from = numbers.below(pages) * PAGE_BYTES;
      return flip(file, {
        from,
        to: Math.min(bytes, from + PAGE_BYTES),
        flips: 1 + numbers.below(32),
        numbers,
      });
    }
    case 'a page of zeros':
      return overwrite(file, numbers.below(pages), Buffer.alloc(PAGE_BYTES));
    case 'a page of noise': {
      const noise = Buffer.from(Array.from({ length: PAGE_BYTES }, () => numbers.below(256)));
      return overwrite(file, numbers.below(pages), noise);
    }
    case 'the header':
      return flip(file, { from: 0, to: 100, flips: 1 + numbers.below(40), numbers });
    case 'the file cut short': {
      const size = 1 + numbers.below(Math.max(1, bytes - 1));
      truncateSync(file, size);
      return `cut from ${bytes} to ${size} bytes`;
    }
    case 'the file emptied':
      truncateSync(file, 0);
      return `cut from ${bytes} to 0 bytes`;
    case 'bits in the log': {
      if (!existsSync(wal)) return 'there was no log';
      return flip(wal, { from: 0, to: liveBytes(wal), flips: 1 + numbers.below(16), numbers });
    }
    case 'the log cut short': {
      if (!existsSync(wal)) return 'there was no log';
      const size = numbers.below(liveBytes(wal));
      truncateSync(wal, size);
      return `log cut to ${size} bytes`;
    }
    case 'the log missing':
      rmSync(wal, { force: true });
      return 'log removed';
    case 'a foreign log':
      writeFileSync(wal, foreignLog);
      return `log of another database, ${foreignLog.length} bytes`;
  }
}

/** Bytes of the log that count: a log that was started over has old frames behind them. */
function liveBytes(wal: string): number {
  const bytes = readFileSync(wal);
  const step = 24 + PAGE_BYTES;
  let end = 32;
  while (end + step <= bytes.length && bytes.subarray(end + 8, end + 16).equals(bytes.subarray(16, 24)))
    end += step;
  return end;
}

function flip(
  file: string,
  { from, to, flips, numbers }: { from: number; to: number; flips: number; numbers: SeededNumbers },
): string {
  if (to <= from) return 'nothing to flip';
  const bytes = readFileSync(file);
  const places: number[] = [];
  for (let i = 0; i < flips; i += 1) {
    const at = from + numbers.below(to - from);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << numbers.below(8));
    places.push(at);
  }
  writeFileSync(file, bytes);
  return `${flips} bits flipped, the first at ${places[0]}`;
}

function overwrite(file: string, page: number, content: Buffer): string {
  const bytes = readFileSync(file);
  content.copy(bytes, page * PAGE_BYTES);
  writeFileSync(file, bytes);
  return `page ${page + 1} overwritten`;
}
