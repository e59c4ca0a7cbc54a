import { afterEach, describe, expect, it, vi } from 'vitest';
import { gatewayReadiness } from '../src/readiness.ts';
import { startWith, stopEverything } from './running-gateway.ts';

afterEach(stopEverything);
afterEach(() => {
  vi.useRealTimers();
});

describe('a gateway that has just started', () => {
  it('is ready once it has heard of a replica that may serve, whatever becomes of that one', async () => {
    const { url, replicas } = await startWith();
    const become = (state: 'starting' | 'live'): void => {
      for (const replica of replicas) replica.known = { ...replica.known, state };
    };
    const ask = async () => (await fetch(`${url}/readyz`)).status;
    become('starting');
    expect(await ask()).toBe(503);
    expect(await (await fetch(`${url}/readyz?verbose`)).json()).toMatchObject({
      reasons: ['no order replica that may serve is known yet'],
    });
    expect((await fetch(`${url}/user-service/users`)).status).toBe(200);
    become('live');
    expect(await ask()).toBe(200);
    become('starting');
    expect(await ask()).toBe(200);
  });

  it('knows of no replica, and is not ready', async () => {
    const { url } = await startWith({ replicas: 0 });
    expect((await fetch(`${url}/readyz`)).status).toBe(503);
  });

  it('waits for the first replica no longer than five seconds', () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const readiness = gatewayReadiness(() => false);
    vi.advanceTimersByTime(4_999);
    expect(readiness().ready).toBe(false);
    vi.advanceTimersByTime(1);
    expect(readiness()).toEqual({ ready: true, reasons: [] });
  });
});
