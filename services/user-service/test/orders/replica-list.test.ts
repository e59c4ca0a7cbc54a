import { describe, expect, it } from 'vitest';
import { announcedReplicas, fixedReplicas } from '../../src/orders/replica-list.ts';

const announced = (...replicas: [string, string][]) =>
  announcedReplicas({
    replicas: () =>
      replicas.map(([replicaId, state]) => ({ replicaId, state, url: `http://${replicaId}:1/` })),
  })().map(({ replicaId, url }) => `${replicaId} ${url}`);

describe('announcedReplicas', () => {
  it('are those that are live', () => {
    expect(announced(['order-1', 'live'], ['order-2', 'catching-up'])).toEqual(['order-1 http://order-1:1']);
  });

  it('are all when none is live', () => {
    expect(announced(['order-1', 'relinking'], ['order-2', 'catching-up'])).toHaveLength(2);
    expect(announced()).toEqual([]);
  });

  it('leave out an address that is none', () => {
    const registry = { replicas: () => [{ replicaId: 'order-1', url: 'nowhere', state: 'live' }] };
    expect(announcedReplicas(registry)()).toEqual([]);
  });
});

describe('fixedReplicas', () => {
  it('are named after their address', () => {
    expect(fixedReplicas(['http://127.0.0.1:60001'])()).toEqual([
      { replicaId: '127.0.0.1:60001', url: 'http://127.0.0.1:60001' },
    ]);
  });
});
