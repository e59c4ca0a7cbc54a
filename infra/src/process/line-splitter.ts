/**
 * Cuts a stream of chunks into lines.
 *
 * Sits between a child's output and whoever shows it. Bounded: a line longer than the limit is handed on in
 * pieces, so a child that never ends its line cannot fill this process's memory.
 */
import { StringDecoder } from 'node:string_decoder';

/** Longest piece handed on, in characters. */
const maxLineLength = 64 * 1024;

/** Takes chunks, calls back per line without its line end. */
export interface LineSplitter {
  push(chunk: Buffer): void;
  /** Hands on what is left without a line end. Call once, when the stream has ended. */
  end(): void;
}

/** Makes a splitter that calls `onLine` for each line, in order. */
export function createLineSplitter(onLine: (line: string) => void): LineSplitter {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  const take = (text: string): void => {
    rest += text;
    for (let end = rest.indexOf('\n'); end >= 0; end = rest.indexOf('\n')) {
      onLine(rest.slice(0, end).replace(/\r$/, ''));
      rest = rest.slice(end + 1);
    }
    while (rest.length >= maxLineLength) {
      onLine(rest.slice(0, maxLineLength));
      rest = rest.slice(maxLineLength);
    }
  };
  return {
    push: (chunk) => take(decoder.write(chunk)),
    end: () => {
      take(decoder.end());
      if (rest !== '') onLine(rest);
      rest = '';
    },
  };
}
