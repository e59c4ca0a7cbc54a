import { describe, expect, it } from 'vitest';
import { nextLink, Problem, pageCursor, readPage } from '../src/index.ts';

const place = { createdAt: '2026-11-23T10:00:00.000Z', id: '01936f5e-0000-7000-8000-000000000000' };

describe('readPage', () => {
  it('starts at the first row with the default limit', () => {
    expect(readPage({})).toEqual({ limit: 100, after: undefined });
  });

  it('continues after the place of the cursor', () => {
    expect(readPage({ limit: '7', cursor: pageCursor(place) })).toEqual({ limit: 7, after: place });
  });

  it('takes limits up to the largest and refuses the rest', () => {
    expect(readPage({ limit: '500' }).limit).toBe(500);
    for (const limit of ['0', '501', '-1', '1.5', 'ten', '', '1e2', ['1', '2']]) {
      expect(() => readPage({ limit }), String(limit)).toThrow(Problem);
    }
  });

  it('refuses names it does not know', () => {
    expect(() => readPage({ offset: '5' })).toThrow(
      expect.objectContaining({ status: 400, errors: [{ path: 'offset', message: 'is not known here' }] }),
    );
    expect(() => readPage(JSON.parse('{"__proto__":"1"}'))).toThrow(Problem);
  });

  it('refuses forged cursors', () => {
    const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const forged = [
      'nonsense',
      '',
      `${pageCursor(place)}=`,
      ` ${pageCursor(place)}`,
      pageCursor(place).slice(0, -3),
      encode([place.createdAt]),
      encode([place.createdAt, place.id, 'more']),
      encode(['yesterday', place.id]),
      encode(['2026-11-23T10:00:00Z', place.id]),
      encode([place.createdAt, "x' OR 1=1"]),
      encode([place.createdAt, 5]),
      encode({ createdAt: place.createdAt, id: place.id }),
      'A'.repeat(10_000),
      [pageCursor(place), pageCursor(place)],
    ];
    for (const cursor of forged) {
      expect(() => readPage({ cursor }), String(cursor).slice(0, 40)).toThrow(
        expect.objectContaining({ status: 400, errors: [expect.objectContaining({ path: 'cursor' })] }),
      );
    }
  });
});

describe('nextLink', () => {
  it('leads to the next page', () => {
    const cursor = pageCursor(place);
    expect(cursor).toMatch(/^[A-Za-z0-9_-]+$/);
    expect(nextLink('/order-service/u1/orders', { limit: 5, cursor })).toBe(
      `</order-service/u1/orders?limit=5&cursor=${cursor}>; rel="next"`,
    );
  });
});
