import { describe, expect, it } from 'vitest';
import { createChain } from '../src/chain.ts';
import { decodeRecord } from '../src/change-event.ts';
import type { LogRecord } from '../src/change-log.ts';
import { ForeignRun, note, originName, recordAt, testChain } from '../testing/index.ts';

const run = new ForeignRun(originName('a'));
const first = run.write(note('n1'));
const second = run.write(note('n2'));
const record = recordAt(5, second);

const withHeader = (name: string, value: string | undefined): LogRecord => ({
  ...record,
  headers: { ...record.headers, [name]: value === undefined ? undefined : Buffer.from(value) },
});

describe('a change event', () => {
  it('comes out of a record as it went in', () => {
    expect(decodeRecord(recordAt(0, first), testChain)).toEqual({ event: first });
    expect(decodeRecord(record, testChain)).toEqual({ event: second });
  });

  it('is refused without a value', () => {
    expect(decodeRecord({ ...record, value: null }, testChain).refusal).toContain('no value');
  });

  it('is refused when it was made in another cluster', () => {
    const chain = createChain({ cluster: 'other', secret: 'a secret of sixteen and more' });
    const forged = new ForeignRun(originName('a'), { chain }).write(note('n1'));
    expect(decodeRecord(recordAt(0, forged), testChain).refusal).toContain('does not verify');
  });

  it('is refused when its value is that of another event', () => {
    expect(decodeRecord({ ...record, value: first.bytes }, testChain).refusal).toContain('does not verify');
  });
});

describe('headers that the link covers', () => {
  const covered = {
    ce_specversion: ['0.3', '1.0 ', ''],
    ce_type: ['tags.inserted', 'notes.deleted', 'notes', 'Notes.inserted', 'notes.inserted\n', '.inserted'],
    ce_origin: [originName('b'), originName('a', 2), 'a', `${originName('a')} `, ''],
    ce_seq: [
      '1',
      '3',
      '0',
      '-2',
      '02',
      '2.0',
      '2e0',
      ' 2',
      '9007199254740993',
      '99999999999999999999',
      'two',
    ],
    ce_schemaversion: ['2', '0', '4294967296', '1.0', ''],
    ce_previous: [
      '0'.repeat(64),
      second.chain.toString('hex'),
      'ab',
      first.chain.toString('hex').toUpperCase(),
    ],
    ce_chain: ['0'.repeat(64), first.chain.toString('hex'), `${second.chain.toString('hex')}00`, ''],
  };

  for (const [name, values] of Object.entries(covered)) {
    it.each([...values.map((value) => ({ value })), { value: undefined }])(
      `refuse the event: ${name} as $value`,
      ({ value }) => {
        const { event, refusal } = decodeRecord(withHeader(name, value), testChain);
        expect(event).toBeUndefined();
        expect(refusal).toMatch(/\w/);
      },
    );
  }
});

describe('headers for other readers of the topic', () => {
  it.each(['ce_id', 'ce_source', 'ce_time', 'content-type', 'traceparent', '__proto__', 'constructor'])(
    'decide nothing: %s is not believed and refuses nothing',
    (name) => {
      for (const value of ['something else', undefined]) {
        expect(decodeRecord(withHeader(name, value), testChain)).toEqual({ event: second });
      }
    },
  );

  it('nor does the key', () => {
    expect(decodeRecord({ ...record, key: null }, testChain)).toEqual({ event: second });
  });
});
