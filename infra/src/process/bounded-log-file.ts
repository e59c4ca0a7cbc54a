/**
 * A log file that cannot grow without end: when it is full, it becomes `<name>.1` and a new one begins.
 *
 * For output that is worth keeping but not worth showing, the broker's for example. Written at once, so the
 * last line before a crash is there.
 */
import { closeSync, mkdirSync, openSync, renameSync, statSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

/** Where to write, and how much at most: the file and its predecessor together hold twice `maxBytes`. */
export interface BoundedLogFileOptions {
  readonly path: string;
  /** Default: 4 MiB. */
  readonly maxBytes?: number;
}

/** Appends lines to a file of bounded size. */
export class BoundedLogFile {
  readonly path: string;
  readonly #maxBytes: number;
  #file: number;
  #size: number;
  #recent: string[] = [];

  /** Opens the file, creating its folder; earlier lines stay. */
  constructor(options: BoundedLogFileOptions) {
    this.path = options.path;
    this.#maxBytes = options.maxBytes ?? 4 * 1024 * 1024;
    mkdirSync(dirname(options.path), { recursive: true });
    this.#file = openSync(options.path, 'a');
    this.#size = statSync(options.path).size;
  }

  /** Adds a line. */
  write(line: string): void {
    const bytes = Buffer.from(`${line}\n`);
    if (this.#size > 0 && this.#size + bytes.length > this.#maxBytes) this.#turnOver();
    writeSync(this.#file, bytes);
    this.#size += bytes.length;
    this.#recent = [...this.#recent.slice(-19), line];
  }

  /** The last lines written by this object, at most 20, oldest first. */
  recentLines(): readonly string[] {
    return this.#recent;
  }

  /** Closes the file; call nothing afterwards. */
  close(): void {
    closeSync(this.#file);
  }

  #turnOver(): void {
    closeSync(this.#file);
    renameSync(this.path, `${this.path}.1`);
    this.#file = openSync(this.path, 'a');
    this.#size = 0;
  }
}
