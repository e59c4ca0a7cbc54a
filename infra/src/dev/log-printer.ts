/**
 * Prints log entries on one output, for a person or for a program.
 *
 * A reader that goes away (`pnpm dev | head`) must not take the cluster with it: from then on nothing is printed.
 */
import type { Report } from '../cluster/cluster-options.ts';
import { humanLine, jsonLine, type LogEntry, type RawLine, readLogLine } from './log-line.ts';

/** The slice of `process.stdout` that printing needs. */
export interface Output {
  readonly isTTY?: boolean;
  write(text: string): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
}

/** How to print. */
export interface LogPrinterOptions {
  readonly output: Output;
  readonly isJson: boolean;
  /** NO_COLOR is set to something. */
  readonly isColourUnwanted: boolean;
}

const width = 'user-service'.length;

/** Prints entries, one a line. */
export class LogPrinter {
  readonly #options: LogPrinterOptions;
  readonly #isColoured: boolean;
  #isBroken = false;

  constructor(options: LogPrinterOptions) {
    this.#options = options;
    this.#isColoured = options.output.isTTY === true && !options.isColourUnwanted && !options.isJson;
    options.output.on('error', () => {
      this.#isBroken = true;
    });
  }

  /** A line of a service. */
  line(line: RawLine): void {
    this.#entry(readLogLine(line));
  }

  /** A sentence of ours; further lines of it follow indented. */
  report(report: Report, fields: LogEntry['fields'] = {}): void {
    const entry = { time: new Date().toISOString(), source: 'dev', level: report.level, fields };
    const messages = this.#options.isJson ? [report.message] : report.message.split('\n');
    for (const message of messages) this.#entry({ ...entry, message });
  }

  /** Text for a person as it is, in one piece; nothing where a program reads. */
  text(text: string): void {
    if (!this.#options.isJson) this.#write(text);
  }

  #entry(entry: LogEntry): void {
    const line = this.#options.isJson
      ? jsonLine(entry)
      : humanLine(entry, { width, isColoured: this.#isColoured });
    this.#write(`${line}\n`);
  }

  #write(text: string): void {
    if (!this.#isBroken) this.#options.output.write(text);
  }
}
