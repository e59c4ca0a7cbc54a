import { MemoryBroker, waitUntil } from '@dbsync/replication/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { startOrderService } from '../src/app.ts';
import { jsonOf, list, type OrderAnswer, pens, place, post } from './order-requests.ts';
import { statusOf, untilStatus } from './replica-status.ts';
import { newDirectory, startReplica, stopEverything, testConfig } from './running-service.ts';

afterEach(stopEverything);

describe('an order service', () => {
  it('is alive and ready', async () => {
    const { url } = await startReplica();
    expect([(await fetch(`${url}/livez`)).status, (await fetch(`${url}/readyz`)).status]).toEqual([200, 200]);
    expect(await jsonOf(fetch(`${url}/readyz?verbose`))).toEqual({ ready: true, reasons: [] });
  });

  it('says why it is not ready when asked', async () => {
    const broker = new MemoryBroker();
    broker.setReachable(false);
    const { url } = await startReplica({ broker, isReadyAwaited: false });
    const brief = await fetch(`${url}/readyz`);
    expect(brief.status).toBe(503);
    expect(brief.headers.get('Retry-After')).toBe('1');
    expect(await jsonOf(brief)).not.toHaveProperty('reasons');
    const verbose = await fetch(`${url}/readyz?verbose`);
    expect(await jsonOf(verbose)).toMatchObject({
      status: 503,
      ready: false,
      reasons: [expect.stringMatching(/starting/)],
    });
  });

  it('exposes its metrics for Prometheus, all with one prefix', async () => {
    const { url } = await startReplica();
    await place(url);
    await fetch(`${url}/none`);
    await untilStatus(url, 'it is published', ({ unpublished }) => unpublished === 0);
    const answer = await fetch(`${url}/metrics`);
    const text = await answer.text();
    expect(answer.headers.get('Content-Type')).toMatch(/^text\/plain; version=0\.0\.4/);
    const names = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name);
    expect(names.filter((name) => !name?.startsWith('dbsync_'))).toEqual([]);
    expect(names).toEqual(
      expect.arrayContaining([
        'dbsync_rows',
        'dbsync_unpublished',
        'dbsync_lag_records',
        'dbsync_lag_seconds',
        'dbsync_stalled_origins',
        'dbsync_quarantined',
        'dbsync_queued_writes',
        'dbsync_writable',
        'dbsync_log_reachable',
        'dbsync_ended_origins',
        'dbsync_state',
        'dbsync_events',
        'dbsync_http_requests_total',
        'dbsync_http_request_duration_seconds',
        'dbsync_http_requests_in_flight',
        'dbsync_process_resident_memory_bytes',
      ]),
    );
    const value = (pattern: string): number =>
      Number(new RegExp(`^${pattern} (\\S+)$`, 'm').exec(text)?.[1] ?? Number.NaN);
    expect(value('dbsync_rows\\{[^}]*\\}')).toBe(1);
    expect(value('dbsync_writable\\{[^}]*\\}')).toBe(1);
    expect(value('dbsync_lag_records\\{[^}]*\\}')).toBe(0);
    expect(value('dbsync_state\\{state="live",[^}]*\\}')).toBe(1);
    expect(value('dbsync_state\\{state="stopped",[^}]*\\}')).toBe(0);
    expect(value('dbsync_events\\{outcome="echoes",[^}]*\\}')).toBe(1);
    const route = '/order-service/:userId/orders';
    expect(value(`dbsync_http_requests_total\\{method="POST",route="${route}",status="201",[^}]*\\}`)).toBe(
      1,
    );
    expect(value(`dbsync_http_requests_total\\{method="GET",route="none",status="404",[^}]*\\}`)).toBe(1);
  });

  it('leaves values out of the metrics that it does not know', async () => {
    const { url } = await startReplica({ isIsolated: true });
    const text = await (await fetch(`${url}/metrics`)).text();
    expect(text).toMatch(/^# TYPE dbsync_lag_records gauge$/m);
    expect(text).not.toMatch(/^dbsync_lag_(records|seconds)\{/m);
    expect(text).toMatch(/^dbsync_rows\{[^}]*\} 0$/m);
  });

  it('keeps its orders over a restart, under a new origin', async () => {
    const before = await startReplica();
    const placed: OrderAnswer[] = [];
    for (let i = 0; i < 5; i += 1) placed.push((await place(before.url)).order);
    const { origin } = await untilStatus(
      before.url,
      'all is published',
      ({ unpublished }) => unpublished === 0,
    );
    await before.stop();
    const after = await startReplica({ broker: before.broker, directory: before.directory });
    expect((await list(after.url)).orders).toEqual(placed);
    const { token } = await place(after.url);
    const status = await statusOf(after.url);
    expect(status.origin).not.toBe(origin);
    expect(token).toBe(`${status.origin}:1`);
    expect(status).toMatchObject({ rows: 6, ended: { origins: 1 } });
  });

  it('finishes begun requests when it stops, and keeps exactly what it acknowledged', async () => {
    const before = await startReplica();
    const orders = `${before.url}/order-service/ada/orders`;
    const answering = Array.from({ length: 40 }, () =>
      post(orders, pens).then(async (answer) => ({
        status: answer.status,
        orderId: (await jsonOf<OrderAnswer>(answer)).orderId,
      })),
    );
    // The first answer shows that the others have been sent as well.
    await Promise.race(answering);
    const stopping = before.stop();
    const answers = await Promise.all(answering);
    await stopping;
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]));
    await expect(fetch(orders)).rejects.toThrow();
    const after = await startReplica({ broker: before.broker, directory: before.directory });
    expect((await list(after.url)).orders.map(({ orderId }) => orderId).sort()).toEqual(
      answers.map(({ orderId }) => orderId).sort(),
    );
    expect(before.failures).toEqual([]);
  });

  it('stops once, however often it is asked to', async () => {
    const { stop } = await startReplica();
    await Promise.all([stop(), stop()]);
    await stop();
  });

  it('stops while the broker is away, within its bounds', async () => {
    const { url, broker, stop } = await startReplica();
    broker.setReachable(false);
    await place(url);
    const startedAt = performance.now();
    await stop();
    expect(performance.now() - startedAt).toBeLessThan(5000);
  });

  it('gives back its directory when its port is in use', async () => {
    const first = await startReplica();
    const directory = newDirectory();
    const config = { ...testConfig({ directory, isIsolated: true }), port: first.port };
    await expect(startOrderService(config, { bindRetryMs: 0 })).rejects.toThrow(`port ${first.port}`);
    await startReplica({ directory, isIsolated: true });
  });

  it('logs what a client did wrong nowhere and its own errors never to the client', async () => {
    const { url, logLines } = await startReplica();
    await post(`${url}/order-service/ada/orders`, '{');
    await fetch(`${url}/order-service/ada/orders?limit=x`);
    const bad = logLines
      .map((line) => JSON.parse(line) as { level: string })
      .filter(({ level }) => level === 'error');
    expect(bad).toEqual([]);
  });

  it('tells where others reach it', async () => {
    const broker = new MemoryBroker();
    const one = await startReplica({ broker, replicaId: 'order-1' });
    const two = await startReplica({ broker, replicaId: 'order-2' });
    const { origin } = await statusOf(two.url);
    await place(two.url);
    await waitUntil('order-1 takes the run of order-2 for a current one', async () => {
      const { vector } = await statusOf(one.url);
      return origin in vector || JSON.stringify(Object.keys(vector));
    });
  });
});
