/**
 * Lag: how far this replica is behind the end of the log, in records and in time.
 *
 * Time is local and monotonic: since an end beyond the position was first seen here. No clock of another machine
 * is believed.
 */

/** Ends remembered a partition; beyond it neighbours are merged, which makes the lag look a little older. */
const MAX_SIGHTINGS = 512;

interface Sighting {
  readonly end: number;
  readonly atMs: number;
}

/** Measures lag from the ends that were seen. */
export class LagMeter {
  readonly #sightings = new Map<number, Sighting[]>();
  readonly #ends = new Map<number, number>();

  /** The end of a partition, as seen now. */
  saw(partition: number, end: number, nowMs: number): void {
    const last = this.#ends.get(partition) ?? 0;
    this.#ends.set(partition, end);
    if (end <= last) return;
    const sightings = this.#sightings.get(partition) ?? [];
    sightings.push({ end, atMs: nowMs });
    const [, earlier, later] = sightings;
    if (sightings.length > MAX_SIGHTINGS && earlier && later) {
      sightings.splice(1, 2, { end: later.end, atMs: earlier.atMs });
    }
    this.#sightings.set(partition, sightings);
  }

  /** Last seen end of a partition, if any was. */
  end(partition: number): number | undefined {
    return this.#ends.get(partition);
  }

  /** Lag for the given positions; undefined before any end was seen. */
  lag(nextOf: (partition: number) => number, nowMs: number): { records: number; ms: number } | undefined {
    if (this.#ends.size === 0) return undefined;
    let records = 0;
    let sinceMs = nowMs;
    for (const [partition, end] of this.#ends) {
      const next = nextOf(partition);
      records += Math.max(0, end - next);
      const sightings = this.#sightings.get(partition) ?? [];
      while (sightings[0] && sightings[0].end <= next) sightings.shift();
      if (!sightings[0] && end > next) {
        // The position went back (a stall ended): its time begins now.
        sightings.push({ end, atMs: nowMs });
        this.#sightings.set(partition, sightings);
      }
      if (sightings[0]) sinceMs = Math.min(sinceMs, sightings[0].atMs);
    }
    return { records, ms: Math.max(0, Math.round(nowMs - sinceMs)) };
  }

  /** Forgets everything: the log does not answer, so nothing is known. */
  forget(): void {
    this.#sightings.clear();
    this.#ends.clear();
  }
}
