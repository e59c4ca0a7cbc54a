import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Announcement, decodeAnnouncement, encodeAnnouncement } from '../src/announcement.ts';
import { createChain } from '../src/chain.ts';
import { beatOf, originName, testChain, testCluster } from '../testing/index.ts';

const { cluster, secret } = testCluster;
const context = { chain: testChain, cluster };
const beat = beatOf(originName('order-1'), 3);
const message = encodeAnnouncement(beat, testChain);
const signed = (announcement: unknown, chain = testChain) =>
  encodeAnnouncement(announcement as Announcement, chain);

describe('an announcement', () => {
  it('comes out as it went in, under the key of its replica', () => {
    expect(message.key).toBe('order-1');
    expect(decodeAnnouncement(message, context)).toEqual(beat);
  });

  it('is dropped when its signature is forged, missing, or that of another announcement', () => {
    const other = signed({ ...beat, url: 'http://evil.example' });
    for (const signature of ['', 'x', '0'.repeat(64), message.signature.toUpperCase(), other.signature]) {
      expect(decodeAnnouncement({ ...message, signature }, context)).toBeUndefined();
    }
    expect(decodeAnnouncement({ ...other, signature: message.signature }, context)).toBeUndefined();
  });

  it('is dropped when it was signed with another secret, or for another cluster', () => {
    for (const stranger of [
      { cluster, secret: 'another secret of sixteen' },
      { cluster: 'other', secret },
    ]) {
      expect(decodeAnnouncement(signed(beat, createChain(stranger)), context)).toBeUndefined();
    }
    expect(decodeAnnouncement(signed({ ...beat, cluster: 'other' }), context)).toBeUndefined();
  });

  it.each<[string, object]>([
    ['an origin that is none', { origin: 'order-1' }],
    ['a URL of another kind', { url: 'file:///etc/passwd' }],
    ['a state that nobody knows', { state: 'great' }],
    ['a beat that is no number', { beat: '3' }],
    ['a digest that is none', { digest: 'abc' }],
    ['a lag below nothing', { lag: { records: -1, ms: 0 } }],
  ])('is dropped with %s, even when it is signed', (_, change) => {
    expect(decodeAnnouncement(signed({ ...beat, ...change }), context)).toBeUndefined();
  });

  it('is dropped, never thrown over, whatever its bytes are', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.string(), fc.boolean(), (bytes, text, isSigned) => {
        const value = Buffer.from(bytes);
        const signature = isSigned ? testChain.sign(value).toString('hex') : text;
        expect(decodeAnnouncement({ key: text, value, signature }, context)).toBeUndefined();
      }),
      { numRuns: 500 },
    );
  });
});
