import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LogRecord } from '../src/change-log.ts';
import { CONTRADICTION, countRefused, saveQuarantined } from '../src/quarantine.ts';
import { openWorkbench, type Workbench } from '../testing/index.ts';

let bench: Workbench;
beforeEach(async () => {
  bench = await openWorkbench();
});
afterEach(() => bench.close());

const record = (offset: number, value: Buffer | null = Buffer.from('x')): LogRecord => ({
  offset,
  isMarker: false,
  timestampMs: 0,
  key: null,
  value,
  headers: { odd: Buffer.from([0xff, 0x00]) },
});
const found = (record: LogRecord, reason = 'it is strange') => ({
  topic: 't',
  partition: 2,
  record,
  reason,
  foundAt: '2026-01-02T03:04:05.678Z',
});

describe('quarantine', () => {
  it('keeps a record with its place, the reason and its bytes', async () => {
    await saveQuarantined(bench.database.writer, [found(record(7)), found(record(8, null))]);
    const rows = await bench.database.reader.all(
      'SELECT topic, partition, "offset", reason, size, record_key, record_value, headers FROM replication_quarantine',
    );
    const common = { topic: 't', partition: 2, reason: 'it is strange', record_key: null };
    const headers = JSON.stringify([['odd', Buffer.from([0xff, 0x00]).toString('base64')]]);
    expect(rows).toEqual([
      { ...common, offset: 7, size: 1, record_value: Buffer.from('x'), headers },
      { ...common, offset: 8, size: 0, record_value: null, headers },
    ]);
  });

  it('keeps a record that is read again once, with its first reason', async () => {
    await saveQuarantined(bench.database.writer, [found(record(7))]);
    await saveQuarantined(bench.database.writer, [found(record(7), 'another reason')]);
    expect(await countRefused(bench.database.reader)).toMatchObject({ quarantined: 1 });
  });

  it('keeps a bounded part of a huge record and says how large it was', async () => {
    await saveQuarantined(bench.database.writer, [found(record(7, Buffer.alloc(1_000_000)))]);
    const [row] = await bench.database.reader.all(
      'SELECT size, length(record_value) AS kept FROM replication_quarantine',
    );
    expect(row).toEqual({ size: 1_000_000, kept: 4096 });
  });

  it('keeps a bounded part of every record, so that a flood of huge ones does not fill the disk', async () => {
    const huge = Buffer.alloc(100_000, 0x61);
    const records = Array.from({ length: 500 }, (_, i) => ({
      ...record(i, huge),
      key: huge,
      headers: { a: huge, b: huge },
    }));
    await saveQuarantined(
      bench.database.writer,
      records.map((one) => found(one)),
    );
    const [row] = await bench.database.reader.all(
      'SELECT count(*) AS n, max(length(record_key) + length(record_value) + length(headers)) AS most FROM replication_quarantine',
    );
    expect(row?.n).toBe(500);
    expect(row?.most).toBeLessThan(8192);
  });

  it('counts those that contradict what is stored by themselves', async () => {
    const reasons = ['it is strange', `${CONTRADICTION} of a run`, `strange, as ${CONTRADICTION}`];
    const records = reasons.map((reason, i) => found(record(i), reason));
    await saveQuarantined(bench.database.writer, records);
    expect(await countRefused(bench.database.reader)).toEqual({
      quarantined: 3,
      contradictions: 1,
      hidden: 0,
    });
  });

  it('keeps as many as it is told to', async () => {
    const records = Array.from({ length: 9 }, (_, i) => found(record(i)));
    await saveQuarantined(bench.database.writer, records, 4);
    expect(await countRefused(bench.database.reader)).toMatchObject({ quarantined: 4 });
  });

  it('keeps a bounded number; the oldest make room', async () => {
    const { writer, reader } = bench.database;
    await writer.execute('BEGIN');
    await saveQuarantined(
      writer,
      Array.from({ length: 10_050 }, (_, i) => found(record(i))),
    );
    await writer.execute('COMMIT');
    expect(await countRefused(reader)).toMatchObject({ quarantined: 10_000 });
    const [row] = await reader.all('SELECT min("offset") AS first FROM replication_quarantine');
    expect(row).toEqual({ first: 50 });
  });
});
