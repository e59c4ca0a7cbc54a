import { describe, expect, it } from 'vitest';
import { humanLine, jsonLine, type RawLine, readLogLine } from '../../src/dev/log-line.ts';

const now = new Date('2026-01-02T03:04:05.678Z');
const plain = { width: 12, isColoured: false };

function human(text: string, stream: RawLine['stream'] = 'stdout', source = 'order-1'): string {
  return humanLine(readLogLine({ source, stream, text }, now), plain);
}

describe('log lines for people', () => {
  it('have an aligned prefix, the message and the fields', () => {
    const text =
      '{"level":"info","time":"2026-01-01T00:00:00.000Z","name":"order-1","pid":7,"msg":"listening","port":60001}';
    expect(human(text)).toBe('order-1      │ listening port=60001');
    expect(human('{"level":30,"msg":"up"}', 'stdout', 'user-service')).toBe('user-service │ up');
  });

  it('name the level only where it matters', () => {
    expect(human('{"level":"debug","msg":"m"}')).toBe('order-1      │ m');
    expect(human('{"level":"warn","msg":"m"}')).toBe('order-1      │ warn m');
    expect(human('{"level":50,"msg":"m"}')).toBe('order-1      │ error m');
  });

  it('show values shortly: words bare, texts quoted, errors by message and code', () => {
    const error = { type: 'Error', message: 'no room', code: 'disk-full', stack: 'long' };
    const line = JSON.stringify({
      level: 'info',
      msg: 'm',
      url: 'http://a:1/b',
      text: 'two words',
      err: error,
      n: null,
    });
    expect(human(line)).toBe(
      'order-1      │ m url=http://a:1/b text="two words" err="no room (disk-full)" n=null',
    );
    const long = human(JSON.stringify({ level: 'info', msg: 'm', list: 'x '.repeat(500) }));
    expect(long.length).toBeLessThan(200);
    expect(long.endsWith('…')).toBe(true);
  });

  it('take what is no JSON as it is; what a crash prints counts as an error', () => {
    expect(human('plain words')).toBe('order-1      │ plain words');
    expect(human('    at file.ts:1', 'stderr')).toBe('order-1      │ error     at file.ts:1');
    expect(human('{"half": ')).toBe('order-1      │ {"half": ');
    expect(human('{"no":"message"}')).toBe('order-1      │ {"no":"message"}');
    expect(human('null')).toBe('order-1      │ null');
  });

  it('cannot be made to steer the terminal', () => {
    expect(human('\u001b[2J\u0007gone\u001b]0;title\u0007')).not.toMatch(/[^\P{Cc}\t]/u);
    expect(human(JSON.stringify({ level: 'info', msg: 'a\nb\rc', field: '\u001b[31m' }))).not.toMatch(
      /[^\P{Cc}\t]/u,
    );
  });

  it('are coloured only when asked', () => {
    const entry = readLogLine(
      { source: 'order-2', stream: 'stdout', text: '{"level":"error","msg":"m"}' },
      now,
    );
    expect(humanLine(entry, { width: 8, isColoured: true })).toContain('\u001b[31merror\u001b[39m');
    expect(humanLine(entry, { width: 8, isColoured: false })).toBe('order-2  │ error m');
  });
});

describe('log lines for programs', () => {
  it('are one object with time, source, level, message and the fields', () => {
    const text = '{"level":40,"time":1767225600000,"pid":3,"hostname":"h","msg":"m","replica":"order-1"}';
    expect(JSON.parse(jsonLine(readLogLine({ source: 'order-1', stream: 'stdout', text }, now)))).toEqual({
      time: '2026-01-01T00:00:00.000Z',
      source: 'order-1',
      level: 'warn',
      message: 'm',
      replica: 'order-1',
    });
  });

  it('stamp what has no time, or none that can be understood', () => {
    for (const text of ['words', '{"msg":"m"}', '{"msg":"m","time":"yesterday"}']) {
      const entry = readLogLine({ source: 's', stream: 'stdout', text }, now);
      expect(entry.time).toBe('2026-01-02T03:04:05.678Z');
    }
  });

  it('keep fields that are named like ours, under another name', () => {
    const text = '{"level":"info","msg":"m","source":"elsewhere","message":"x"}';
    expect(JSON.parse(jsonLine(readLogLine({ source: 's', stream: 'stdout', text }, now)))).toMatchObject({
      source: 's',
      message: 'm',
      source_: 'elsewhere',
      message_: 'x',
    });
  });
});
