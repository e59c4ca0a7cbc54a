import { describe, expect, it } from 'vitest';
import { createMetrics } from '../src/index.ts';

describe('createMetrics', () => {
  it('names everything dbsync_, the metrics of the process included', async () => {
    const { registry } = createMetrics({ service: 'order-service' });
    const names = registry.getMetricsAsArray().map((metric) => metric.name);
    expect(names.length).toBeGreaterThan(10);
    expect(names.filter((name) => !name.startsWith('dbsync_'))).toEqual([]);
    expect(names.some((name) => name.includes('eventloop'))).toBe(true);
    expect(names).toContain('dbsync_http_requests_total');
    expect(names).toContain('dbsync_http_request_duration_seconds');
  });

  it('has a registry of its own for each service, which labels every value', async () => {
    const first = createMetrics({ service: 'first' });
    const second = createMetrics({ service: 'second' });
    first.gauge({ name: 'dbsync_rows', help: 'Rows.' }).set(3);
    expect(await first.registry.metrics()).toContain('dbsync_rows{service="first"} 3');
    expect(await second.registry.metrics()).not.toContain('dbsync_rows');
  });

  it('adds counters, gauges and histograms, and refuses names without the prefix', async () => {
    const metrics = createMetrics({ service: 's' });
    metrics
      .counter({ name: 'dbsync_events_total', help: 'Events.', labelNames: ['kind'] })
      .inc({ kind: 'a' });
    metrics.histogram({ name: 'dbsync_wait_seconds', help: 'Wait.', buckets: [1] }).observe(0.5);
    const text = await metrics.registry.metrics();
    expect(text).toContain('dbsync_events_total{kind="a",service="s"} 1');
    expect(text).toContain('dbsync_wait_seconds_bucket{le="1",service="s"} 1');
    expect(() => metrics.gauge({ name: 'rows', help: 'Rows.' })).toThrow('must be named dbsync_');
  });
});
