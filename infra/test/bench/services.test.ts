import { describe, expect, it } from 'vitest';
import { readMetrics } from '../../src/bench/services.ts';

describe('what a service says of its process', () => {
  it('is read from its metrics, with labels or without', () => {
    const text = [
      '# HELP dbsync_process_cpu_seconds_total Total user and system CPU time spent in seconds.',
      'dbsync_process_cpu_seconds_total{service="order-service"} 1.25',
      'dbsync_process_resident_memory_bytes 104857600',
      'dbsync_nodejs_eventloop_lag_p50_seconds{service="order-service"} 0.010',
      'dbsync_nodejs_eventloop_lag_p99_seconds{service="order-service"} 0.0215',
    ].join('\n');
    expect(readMetrics(text)).toEqual({
      cpuSeconds: 1.25,
      residentBytes: 104_857_600,
      loopDelayP99Seconds: 0.0215,
    });
  });

  it('is not a number where nothing is said', () => {
    expect(readMetrics('').cpuSeconds).toBeNaN();
  });
});
