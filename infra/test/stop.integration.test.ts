import { describe, expect, it } from 'vitest';
import { waitFor } from '../src/index.ts';
import { assertConverged, placeOrders, startTestCluster } from '../testing/index.ts';

describe('a stop by SIGTERM', () => {
  it('under load cuts nobody off, and what was accepted is in the log', async () => {
    const { cluster, orderUrls, stop, lines } = await startTestCluster({ replicas: 2, isRestarting: false });
    const [leaving, staying] = cluster.replicas;
    const load = placeOrders({ urls: () => [leaving?.url ?? ''], clients: 16, count: 4000, name: 'stop' });
    const rows = async (): Promise<number> =>
      ((await (await fetch(`${leaving?.url}/replication/status`)).json()) as { rows: number }).rows;
    await waitFor({
      what: 'some orders',
      timeoutMs: 30_000,
      look: async () => ((await rows()) > 300 ? { found: true } : { missing: 'not yet' }),
    });
    const begun = performance.now();
    await leaving?.stop();
    const seconds = (performance.now() - begun) / 1000;
    const { acknowledged, failures } = await load;
    // Refused connections come after the stop; a reset would be an order whose fate the client does not know.
    expect([...failures.keys()].filter((what) => what !== 'ECONNREFUSED')).toEqual([]);
    expect(seconds).toBeLessThan(15);
    await waitFor({
      what: 'the other replica holds all of them',
      timeoutMs: 20_000,
      look: async () => {
        const status = (await (await fetch(`${staying?.url}/replication/status`)).json()) as { rows: number };
        return status.rows === acknowledged.size
          ? { found: true }
          : { missing: `${status.rows} of ${acknowledged.size}` };
      },
    });
    expect(lines.some((line) => line.includes('order-1') && line.includes('"stopped"'))).toBe(true);
    console.log(
      `stopped under load in ${seconds.toFixed(1)} s; ${acknowledged.size} orders, all of them on the other replica`,
    );
    expect(orderUrls).toHaveLength(2);
    await stop();
  });

  it('is clean while the broker is away, too, and the orders go out after the next start', async () => {
    const { cluster, orderUrls, stop, lines } = await startTestCluster({
      replicas: 2,
      broker: 'own',
      isRestarting: false,
    });
    await cluster.broker?.kill('SIGKILL');
    const load = await placeOrders({ urls: () => orderUrls, count: 100, clients: 8, name: 'away' });
    expect(load.acknowledged.size).toBe(100);
    const begun = performance.now();
    await Promise.all(cluster.replicas.map((replica) => replica.restart()));
    const seconds = (performance.now() - begun) / 1000;
    expect(seconds).toBeLessThan(30);
    for (const { name } of cluster.replicas) {
      expect(lines.some((line) => line.includes(` ${name} `) && line.includes('"stopped"'))).toBe(true);
    }
    await cluster.broker?.restart();
    await assertConverged(orderUrls);
    for (const url of orderUrls) {
      const status = (await (await fetch(`${url}/replication/status`)).json()) as { rows: number };
      expect(status.rows).toBe(100);
    }
    console.log(`stopped and started again with the broker away in ${seconds.toFixed(1)} s`);
    await stop();
  });
});
