/**
 * Every bound of a replica, with its default and unit. Nothing in this library waits or grows without one.
 */

/** Bounds that a service may set. */
export interface Limits {
  /** Writes that may wait for the disk. Default 10 000. */
  readonly maxQueuedWrites: number;
  /** Rows that the log has not acknowledged before local writes are refused. Default 100 000. */
  readonly maxUnpublished: number;
  /** Bytes of one row in canonical form. Default 65 536. */
  readonly maxRowBytes: number;
  /** Rows of one append. Default 500. */
  readonly publishRows: number;
  /** Value bytes of one append. Default 524 288, half of what Kafka takes by default. */
  readonly publishBytes: number;
  /** Callers that may wait for a token or an acknowledgement, each. Default 10 000. */
  readonly maxWaiters: number;
  /** How long `Write-Concern: log` waits for the acknowledgement, in milliseconds. Default 5000. */
  readonly acknowledgeMs: number;
  /** How long a read waits for its token, in milliseconds. Default 2000. */
  readonly tokenWaitMs: number;
  /** Silence of a replica id after which its missing writes count as gone, in milliseconds. Default 7 days. */
  readonly goneAfterMs: number;
  /**
   * How long a silent replica of an older build holds back the version that rows are written in, in milliseconds.
   * Default 1 hour, as long as announcements are kept.
   */
  readonly schemaHoldMs: number;
  /** Time without progress below the end of the log until the reader is replaced, in milliseconds. Default 15 000. */
  readonly standstillMs: number;
  /** Time between two looks whether records read some time ago are still the same, in milliseconds. Default 5000. */
  readonly landmarkMs: number;
  /** Records of the log from which on an empty replica prefers a peer's snapshot to reading them. Default 50 000. */
  readonly snapshotMinRecords: number;
  /** Longest wait for the next part of a snapshot, on both sides, in milliseconds. Default 15 000. */
  readonly snapshotStallMs: number;
  /** Longest way of a whole snapshot, on both sides, in milliseconds. Default 30 minutes. */
  readonly snapshotTotalMs: number;
  /** How long one peer is asked for missing rows, page after page, until others have their turn, in milliseconds. Default 60 000. */
  readonly repairVisitMs: number;
  /** How long a stop waits for unpublished rows to reach the log, in milliseconds. Default 2000. */
  readonly drainMs: number;
  /** How long a statement waits for another process's lock on the file, in milliseconds. Default 2000. */
  readonly busyTimeoutMs: number;
  /** Records kept in quarantine, a few kilobytes each; the oldest make room. Default 10 000. */
  readonly quarantineRecords: number;
  /** Read connections. Default 2. */
  readonly readers: number;
  /**
   * How long the check of the database at a start may take, in milliseconds; 0: no check. Default 100, so that a start
   * does not grow with the rows; what it does not get to is the scrub's, whose first pass begins seconds later.
   */
  readonly startCheckMs: number;
  /** Share of the time that the background scrub may take, in percent; 0: no scrub. Default 2. */
  readonly scrubPercent: number;
  /** Time from the end of one scrub to the next, in milliseconds. Default 600 000. */
  readonly scrubPauseMs: number;
  /** How long a damaged replica waits for others that are rebuilt before it, in milliseconds. Default 600 000. */
  readonly rebuildWaitMs: number;
}

/** What counts where nothing else is said. */
export const defaultLimits: Limits = {
  maxQueuedWrites: 10_000,
  maxUnpublished: 100_000,
  maxRowBytes: 65_536,
  publishRows: 500,
  publishBytes: 524_288,
  maxWaiters: 10_000,
  acknowledgeMs: 5000,
  tokenWaitMs: 2000,
  goneAfterMs: 7 * 24 * 3_600_000,
  schemaHoldMs: 3_600_000,
  standstillMs: 15_000,
  landmarkMs: 5000,
  snapshotMinRecords: 50_000,
  snapshotStallMs: 15_000,
  snapshotTotalMs: 1_800_000,
  repairVisitMs: 60_000,
  drainMs: 2000,
  busyTimeoutMs: 2000,
  quarantineRecords: 10_000,
  readers: 2,
  startCheckMs: 100,
  scrubPercent: 2,
  scrubPauseMs: 600_000,
  rebuildWaitMs: 600_000,
};

/** The given limits, defaults for the rest. Undefined counts as not given. */
export function withDefaults(given: { readonly [K in keyof Limits]?: Limits[K] | undefined }): Limits {
  const set = Object.entries(given).filter(([, value]) => value !== undefined);
  return { ...defaultLimits, ...Object.fromEntries(set) };
}
