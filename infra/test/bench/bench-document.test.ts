import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { markdownLines, readResults, surroundingsLine } from '../../src/bench/bench-document.ts';
import { judge } from '../../src/bench/bench-row.ts';

const row = (measure: string, ours: number, isQuick = false) =>
  judge(
    { measure, unit: '/s', ours, limit: 100, goal: { kind: 'at least', value: 1 } },
    { isQuick, takenAt: '2026-11-25T12:00:00.000Z' },
  );

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dbsync-bench-document-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function fileOf(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

describe('the table of the document', () => {
  it('says a missed goal as missed and a quick figure as quick', () => {
    expect(markdownLines([row('writes', 120), row('reads', 50, true)])).toEqual([
      '| measure | ours | limit | ratio | goal | met | taken |',
      '| --- | ---: | ---: | ---: | --- | --- | --- |',
      '| writes | 120 /s | 100 /s | 1.2 | ratio >= 1 | met | 2026-11-25 |',
      '| reads | 50 /s | 100 /s | 0.5 | ratio >= 1 | **missed** | 2026-11-25, quick |',
    ]);
  });

  it('takes the later of two rows of one measure, also when a figure could not be had', () => {
    const first = fileOf('first.json', JSON.stringify([row('writes', 120), row('reads', 50)]));
    const second = fileOf('second.json', JSON.stringify([row('writes', Number.POSITIVE_INFINITY)]));
    const [, , writes, reads] = markdownLines(readResults([first, second]));
    expect(writes).toMatch(/^\| writes \| – \/s \| .* \*\*missed\*\*/);
    expect(reads).toMatch(/^\| reads \| 50/);
  });

  it.each(['{}', 'no JSON', '[null]', '[{"measure":"writes","ours":1}]'])(
    'refuses a file that holds %s',
    (text) => {
      expect(() => readResults([fileOf('other', text)])).toThrow(
        expect.objectContaining({ code: 'bad-usage' }),
      );
    },
  );

  it('names the machine and the version of everything that has a part in the figures', () => {
    expect(surroundingsLine()).toMatch(
      /^\d+ × .+, \d+ GiB, .+, Node \d[\d.]+, Apache Kafka [\d.]+, PostgreSQL \d.+, sqlite3 [\d.]+, better-sqlite3 [\d.]+, kafkajs [\d.]+$/,
    );
  });
});
