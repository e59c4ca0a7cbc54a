import { describe, expect, it } from 'vitest';
import { createChain, GENESIS, type Linked } from '../src/chain.ts';

const chain = createChain({ cluster: 'test', secret: 'a secret of sixteen and more' });
const row: Linked = {
  origin: 'order-1.01J00000000000000000000001',
  seq: 7,
  schemaVersion: 1,
  table: 'notes',
  bytes: Buffer.from('{"a":1}'),
};
const hex = (link: Buffer): string => link.toString('hex');

describe('a link', () => {
  it('has a value that must never change, or no replica could verify what it holds', () => {
    expect(hex(chain.link(GENESIS, row))).toBe(
      '3350b9b25416edc17f9b27592aa7a3aa61bd741d135534fb3d36379fb524da40',
    );
  });

  it('starts from 32 zero bytes', () => {
    expect(hex(GENESIS)).toBe('0'.repeat(64));
  });

  it('differs when anything that it covers differs', () => {
    const others: Linked[] = [
      { ...row, origin: 'order-2.01J00000000000000000000001' },
      { ...row, seq: 8 },
      { ...row, schemaVersion: 2 },
      { ...row, table: 'tags' },
      { ...row, bytes: Buffer.from('{"a":2}') },
    ];
    const links = [row, ...others].map((one) => hex(chain.link(GENESIS, one)));
    links.push(hex(chain.link(chain.link(GENESIS, row), row)));
    expect(new Set(links).size).toBe(links.length);
  });

  it('depends on the order of the rows', () => {
    const next = { ...row, bytes: Buffer.from('{"a":2}') };
    const one = chain.link(chain.link(GENESIS, row), next);
    const other = chain.link(chain.link(GENESIS, next), row);
    expect(hex(one)).not.toBe(hex(other));
  });

  it('does not let bytes move from one field into the next', () => {
    const shifted = [
      { ...row, table: 'note', bytes: Buffer.from('s{"a":1}') },
      { ...row, table: 'notes{', bytes: Buffer.from('"a":1}') },
      { ...row, origin: `${row.origin}n`, table: 'otes' },
    ];
    const links = [row, ...shifted].map((one) => hex(chain.link(GENESIS, one)));
    expect(new Set(links).size).toBe(links.length);
  });

  it('covers seqs beyond 32 bits', () => {
    const far = chain.link(GENESIS, { ...row, seq: 2 ** 40 + 7 });
    expect(hex(far)).not.toBe(hex(chain.link(GENESIS, row)));
    expect(chain.verify(far, GENESIS, { ...row, seq: 2 ** 40 + 7 })).toBe(true);
  });

  it('verifies, and nothing else does', () => {
    const link = chain.link(GENESIS, row);
    expect(chain.verify(link, GENESIS, row)).toBe(true);
    expect(chain.verify(GENESIS, GENESIS, row)).toBe(false);
    expect(chain.verify(link, link, row)).toBe(false);
    expect(chain.verify(link.subarray(1), GENESIS, row)).toBe(false);
    expect(chain.verify(Buffer.alloc(0), GENESIS, row)).toBe(false);
  });
});

describe('a cluster', () => {
  it('makes links that no other name or secret makes', () => {
    const link = chain.link(GENESIS, row);
    for (const other of [
      { cluster: 'other', secret: 'a secret of sixteen and more' },
      { cluster: 'test', secret: 'another secret of sixteen and more' },
      { cluster: '', secret: 'a secret of sixteen and more\ntest' },
    ]) {
      expect(createChain(other).verify(link, GENESIS, row)).toBe(false);
    }
  });

  it('signs announcements with a key that is not the one of the links', () => {
    const bytes = Buffer.concat([GENESIS, row.bytes]);
    const signature = chain.sign(bytes);
    expect(chain.verifySignature(signature, bytes)).toBe(true);
    expect(chain.verifySignature(signature, Buffer.from('other'))).toBe(false);
    expect(chain.verifySignature(Buffer.alloc(0), bytes)).toBe(false);
    expect(chain.verifySignature(chain.link(GENESIS, row), bytes)).toBe(false);
    const stranger = createChain({ cluster: 'other', secret: 'a secret of sixteen and more' });
    expect(stranger.verifySignature(signature, bytes)).toBe(false);
  });
});
