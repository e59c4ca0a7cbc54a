import { afterEach, describe, expect, it } from 'vitest';
import { startWith, stopEverything } from './running-gateway.ts';

afterEach(stopEverything);

describe('GET /registry', () => {
  it('shows who is known, who takes turns and how it stands with each', async () => {
    const { url, replicas } = await startWith();
    const second = replicas[1];
    if (second) second.known = { ...second.known, state: 'catching-up', lagMs: 700 };
    await fetch(`${url}/order-service/ada/orders`);
    expect(await (await fetch(`${url}/registry`)).json()).toMatchObject({
      discovery: 'fake',
      orderReplicas: [
        { replicaId: 'order-1', state: 'live', isInBalance: true, breaker: 'closed', served: 1, weight: 1 },
        {
          replicaId: 'order-2',
          state: 'catching-up',
          isInBalance: false,
          breaker: 'closed',
          lagMs: 700,
          served: 0,
        },
      ],
      userService: { breaker: 'closed' },
    });
  });
});
