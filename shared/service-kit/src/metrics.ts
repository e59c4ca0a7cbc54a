/**
 * A service's Prometheus metrics: one registry with the process's own and the HTTP ones, all named `dbsync_*`.
 *
 * Made once at the start, counted into by the middleware of service-app.ts, extended by the service with gauges
 * and counters of its domain. Each service has its own registry, so that tests can run several in one process.
 */
import {
  Counter,
  type CounterConfiguration,
  collectDefaultMetrics,
  Gauge,
  type GaugeConfiguration,
  Histogram,
  type HistogramConfiguration,
  Registry,
} from '@prometheus-io/client';

const PREFIX = 'dbsync_';
const REQUEST_LABELS = ['method', 'route', 'status'] as const;
type RequestLabel = (typeof REQUEST_LABELS)[number];

type Own<C> = Omit<C, 'registers'>;

/** The registry and the few ways to add to it; names that do not start with `dbsync_` are refused. */
export interface Metrics {
  readonly registry: Registry;
  /** Answers sent, by method, route pattern and status. */
  readonly httpRequests: Counter<RequestLabel>;
  /** Seconds from a request's arrival to the end of its answer. */
  readonly httpDurations: Histogram<RequestLabel>;
  /** Requests that have arrived and are not answered yet. */
  readonly httpInFlight: Gauge;
  counter<L extends string = never>(configuration: Own<CounterConfiguration<L>>): Counter<L>;
  /** A gauge; give `collect` for values that are read only when somebody looks. */
  gauge<L extends string = never>(configuration: Own<GaugeConfiguration<L>>): Gauge<L>;
  histogram<L extends string = never>(configuration: Own<HistogramConfiguration<L>>): Histogram<L>;
}

/** Creates the metrics of one service; `service` becomes a label of every value. */
export function createMetrics(options: { service: string }): Metrics {
  const registry = new Registry();
  registry.setDefaultLabels({ service: options.service });
  collectDefaultMetrics({ register: registry, prefix: PREFIX });

  const own = <C extends { name: string }>(configuration: C): C & { registers: Registry[] } => {
    if (!configuration.name.startsWith(PREFIX)) {
      throw new Error(`metric "${configuration.name}" must be named ${PREFIX}…`);
    }
    return { ...configuration, registers: [registry] };
  };

  return {
    registry,
    httpRequests: new Counter(
      own({
        name: 'dbsync_http_requests_total',
        help: 'Answers sent, by method, route pattern and status.',
        labelNames: REQUEST_LABELS,
      }),
    ),
    httpDurations: new Histogram(
      own({
        name: 'dbsync_http_request_duration_seconds',
        help: 'Time from the arrival of a request to the end of its answer.',
        labelNames: REQUEST_LABELS,
        buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      }),
    ),
    httpInFlight: new Gauge(
      own({
        name: 'dbsync_http_requests_in_flight',
        help: 'Requests that have arrived and are not answered yet.',
      }),
    ),
    counter: (configuration) => new Counter(own(configuration)),
    gauge: (configuration) => new Gauge(own(configuration)),
    histogram: (configuration) => new Histogram(own(configuration)),
  };
}
