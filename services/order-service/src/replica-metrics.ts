/**
 * The replica's status as Prometheus metrics, read when somebody looks.
 */
import type { Replica, ReplicaStatus } from '@dbsync/replication';
import type { Metrics } from '@dbsync/service-kit';

const STATES = ['starting', 'bootstrapping', 'catching-up', 'live', 'relinking', 'stopped'] as const;

const GAUGES: readonly (readonly [
  name: string,
  help: string,
  read: (status: ReplicaStatus) => number | null,
])[] = [
  ['rows', 'Rows held, of all origins.', (status) => status.rows],
  ['unpublished', 'Own rows that were not yet read back from the log.', (status) => status.unpublished],
  ['lag_records', 'Records between the position and the end of the log.', (status) => status.lag.records],
  [
    'lag_seconds',
    'Time since an end of the log beyond the position was first seen.',
    (status) => (status.lag.ms === null ? null : status.lag.ms / 1000),
  ],
  ['stalled_origins', 'Origins whose next event is missing or unusable.', (status) => status.stalled.length],
  ['alarms', 'Things that wait for an operator, listed in the status.', (status) => status.alarms.length],
  ['twin_replica_ids', 'Replica ids that more than one process uses.', (status) => status.twins.length],
  ['quarantined', 'Records kept in quarantine.', (status) => status.quarantined],
  ['queued_writes', 'Writes that wait for the disk.', (status) => status.queued],
  ['writable', '1 while writes are accepted.', (status) => Number(status.writable)],
  ['schema_version', 'Schema version that rows are written in.', (status) => status.schema.writes],
  ['log_reachable', '1 while the broker answers.', (status) => Number(status.logReachable)],
  ['scrub_passes', 'Scrubs that were finished in this run.', (status) => status.scrub.passes],
  ['scrub_rows', 'Rows that the scrub under way has recomputed.', (status) => status.scrub.rows],
  ['scrub_problems', 'Places that the last scrub found wrong.', (status) => status.scrub.problems.length],
  [
    'scrub_last_pass_timestamp_seconds',
    'When the last scrub ended.',
    ({ scrub }) => (scrub.lastPassAt === null ? null : Date.parse(scrub.lastPassAt) / 1000),
  ],
  [
    'damaged',
    '1 while the database is damaged or is being rebuilt.',
    ({ damage }) => Number(damage.state !== 'none'),
  ],
  [
    'damage_salvaged_rows',
    'Rows that were salvaged after the last damage.',
    ({ damage }) => damage.last && damage.last.salvaged + damage.last.renewed,
  ],
  [
    'damage_lost_rows',
    'Rows known to be lost by the last damage.',
    ({ damage }) => damage.last?.lost ?? null,
  ],
  ['ended_origins', 'Origins whose run is over.', (status) => status.ended.origins],
];

/** Adds the gauges and counters of a replica. */
export function replicaMetrics(metrics: Metrics, replica: Replica): void {
  for (const [name, help, read] of GAUGES) {
    metrics.gauge({
      name: `dbsync_${name}`,
      help,
      async collect() {
        const value = read(await replica.status());
        // Not reset: that would set it to 0, which is a value, and a wrong one for what is not known.
        if (value === null) this.remove();
        else this.set(value);
      },
    });
  }
  metrics.gauge({
    name: 'dbsync_state',
    help: '1 for the state that the replica is in.',
    labelNames: ['state'] as const,
    async collect() {
      const { state } = await replica.status();
      for (const one of STATES) this.set({ state: one }, Number(one === state));
    },
  });
  metrics.gauge({
    name: 'dbsync_events',
    help: 'Events of the log since the start of this run, by what became of them.',
    labelNames: ['outcome'] as const,
    async collect() {
      for (const [outcome, count] of Object.entries((await replica.status()).counters))
        this.set({ outcome }, count);
    },
  });
}
