import { describe, expect, it } from 'vitest';
import { createLineSplitter } from '../../src/process/line-splitter.ts';

function split(...chunks: readonly (string | Buffer)[]): string[] {
  const lines: string[] = [];
  const splitter = createLineSplitter((line) => lines.push(line));
  for (const chunk of chunks) splitter.push(Buffer.from(chunk as string));
  splitter.end();
  return lines;
}

describe('cutting output into lines', () => {
  it('joins what arrives in pieces, characters of several bytes included', () => {
    const bytes = Buffer.from('größer\nzweite');
    expect(split(bytes.subarray(0, 3), bytes.subarray(3, 8), bytes.subarray(8))).toEqual([
      'größer',
      'zweite',
    ]);
  });

  it('takes both line ends and hands on a last line without one', () => {
    expect(split('a\r\nb\n\nc')).toEqual(['a', 'b', '', 'c']);
  });

  it('hands on a line without end in bounded pieces', () => {
    const lines = split('x'.repeat(200_000));
    expect(lines.map((line) => line.length)).toEqual([65_536, 65_536, 65_536, 3392]);
  });
});
