import { describe, expect, it } from 'vitest';
import { Claims } from '../../src/chaos/claims.ts';

describe('claims', () => {
  it('let those that want the same thing go one after the other, and others at once', async () => {
    const claims = new Claims();
    const order: string[] = [];
    const gate = Promise.withResolvers<void>();
    const first = claims.holding(['order-1', 'log'], async () => {
      order.push('first begins');
      await gate.promise;
      order.push('first ends');
    });
    const second = claims.holding(['log'], async () => void order.push('second'));
    await claims.holding(['order-2'], async () => void order.push('third'));
    gate.resolve();
    await Promise.all([first, second]);
    expect(order).toEqual(['first begins', 'third', 'first ends', 'second']);
  });

  it('are given back when what held them fails', async () => {
    const claims = new Claims();
    await expect(claims.holding(['log'], () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await claims.holding(['log'], async () => 'free')).toBe('free');
  });
});
