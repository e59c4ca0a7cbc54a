/**
 * The plan for one piece of the log: what each record means to what this replica holds.
 *
 *   record -> not ours, changed on the way, or not decodable .. quarantine
 *          -> genuine, seq = applied + 1, link fits ........... apply (hidden where this build's rules refuse it)
 *          -> genuine, seq <= applied, stored link is the same  duplicate, or the echo of an own row
 *          -> genuine, contradicts a stored link .............. quarantine, alarm; of our own run: a fork, the end
 *          -> genuine, beyond applied + 1, or a newer schema .. stall of its origin; others go on
 *
 * Planning reads but writes nothing; the applier stores a plan in one transaction with the position after it.
 */
import type { ChangeEvent } from './change-event.ts';
import { type LogRecord, nextOffset } from './change-log.ts';
import { errorText, ReplicationError } from './errors.ts';
import type { HiddenRow, History } from './history.ts';
import type { Origin, Origins } from './origins.ts';
import type { OwnTail } from './own-tail.ts';
import { bookmarkOf, type Position, START } from './positions.ts';
import { CONTRADICTION, type QuarantinedRecord } from './quarantine.ts';
import type { ReadAhead } from './read-ahead.ts';
import type { PlacedRow } from './row-insert.ts';
import type { Database } from './sqlite.ts';
import { NOWHERE, type Stall, type StallPlace, type StallReason } from './stalls.ts';

/** What planning looks at. */
export interface PlanContext {
  readonly topic: string;
  readonly history: History;
  readonly origins: Origins;
  readonly stalls: ReadonlyMap<string, Stall>;
  readonly reader: Database['reader'];
  /** The origin of this run. */
  readonly own: string;
  readonly ownTail: OwnTail;
  readonly readAhead: ReadAhead;
  /** Newest schema version that this build reads. */
  readonly schemaVersion: number;
  /** ISO 8601. */
  readonly now: string;
}

/** A piece of one partition: records in order, none of them below `position`. */
export interface Piece {
  readonly partition: number;
  readonly position: Position;
  readonly records: readonly LogRecord[];
}

/** What a piece of the log comes to. */
export interface ApplyPlan {
  readonly rows: PlacedRow[];
  readonly hidden: HiddenRow[];
  /** Origins with the seq, link and `published` that they have after the plan. */
  readonly origins: Map<string, Origin>;
  readonly stalls: Map<string, Stall>;
  /**
   * Stalls of each origin that end because an event fits: their partitions are read again from there. One that was stored
   * and one that began behind it in the same piece may both end, and each passed records of its own.
   */
  readonly endedStalls: Map<string, readonly Stall[]>;
  readonly quarantined: QuarantinedRecord[];
  /** Origins of which the log shows a row while it lacks an earlier one. */
  readonly lost: Set<string>;
  /** The first row of this very run that is passed although the log lacks one before it, and the seq of the last such row. */
  ownAhead: { readonly place: StallPlace; readonly upTo: number } | undefined;
  duplicates: number;
  echoes: number;
}

/**
 * Plans a piece.
 * @throws `fork` when the log shows a row of this very run that this run never wrote.
 */
export async function planPiece(piece: Piece, context: PlanContext): Promise<ApplyPlan> {
  const carrying = piece.records.filter((record) => !record.isMarker);
  const decoded = carrying.map((record) => ({ record, ...context.readAhead.record(record) }));
  const links = await storedLinks(
    decoded.flatMap(({ event }) => event ?? []),
    context,
  );
  const planner = new Planner(piece, context, links);
  for (const { record, event, refusal } of decoded) {
    if (event) planner.judge(event, record);
    else planner.quarantine(record, refusal);
    planner.position = { next: nextOffset(record), bookmark: null };
    if (!record.unreadable) planner.last = record;
  }
  return planner.plan;
}

/**
 * Plans events that a peer handed over: what fits is applied, or waited for where it is of a newer schema; everything
 * else is left alone. The log is not known to hold them, and a stall that they end is read again.
 */
export function planFromPeer(events: readonly ChangeEvent[], context: PlanContext): ApplyPlan {
  const nowhere = { partition: NOWHERE, position: START, records: [] };
  const planner = new Planner(nowhere, context, new Map());
  for (const event of events) planner.applyIfFitting(event);
  return planner.plan;
}

/** Links stored for the events that may be known already, unless they are in memory: one range query an origin. */
async function storedLinks(
  events: readonly ChangeEvent[],
  context: PlanContext,
): Promise<ReadonlyMap<string, ReadonlyMap<number, Buffer>>> {
  const ranges = new Map<string, { from: number; to: number }>();
  for (const event of events) {
    const { origin: name, seq } = event;
    if (seq > (context.origins.get(name)?.seq ?? 0) || context.ownTail.holds(event)) continue;
    const range = ranges.get(name);
    ranges.set(name, { from: Math.min(seq, range?.from ?? seq), to: Math.max(seq, range?.to ?? seq) });
  }
  const links = new Map<string, ReadonlyMap<number, Buffer>>();
  for (const [name, { from, to }] of ranges) {
    const origin = context.origins.get(name);
    if (origin) links.set(name, await context.history.links(context.reader, origin.id, from, to));
  }
  return links;
}

class Planner {
  readonly plan: ApplyPlan = {
    rows: [],
    hidden: [],
    origins: new Map(),
    stalls: new Map(),
    endedStalls: new Map(),
    quarantined: [],
    lost: new Set(),
    ownAhead: undefined,
    duplicates: 0,
    echoes: 0,
  };
  /** Position of the record that is judged; its bookmark is made only where a stall needs one. */
  position: Position;
  last: LogRecord | undefined;
  readonly #piece: Piece;
  readonly #context: PlanContext;
  readonly #links: ReadonlyMap<string, ReadonlyMap<number, Buffer>>;
  /** Links of rows that this plan itself applies, for a second copy within the same piece. */
  readonly #planned = new Map<string, Buffer>();
  /** Names seen for the first time; stored only if something of them is applied. */
  readonly #fresh = new Map<string, Origin>();

  constructor(piece: Piece, context: PlanContext, links: ReadonlyMap<string, ReadonlyMap<number, Buffer>>) {
    this.#piece = piece;
    this.#context = context;
    this.#links = links;
    this.position = piece.position;
  }

  judge(event: ChangeEvent, record: LogRecord): void {
    const origin = this.#origin(event.origin);
    if (event.seq <= origin.seq) this.#judgeKnown(event, origin, record);
    else if (event.seq > origin.seq + 1) this.#judgeBeyond(event, 'hole');
    else if (!event.previous.equals(origin.chain)) this.#contradiction(event, record);
    else if (event.schemaVersion > this.#context.schemaVersion) this.#judgeBeyond(event, 'schema');
    else this.#apply(event, origin, { isInLog: true });
  }

  applyIfFitting(event: ChangeEvent): void {
    const origin = this.#origin(event.origin);
    const fits = event.seq === origin.seq + 1 && event.previous.equals(origin.chain);
    if (!fits) return;
    if (event.schemaVersion > this.#context.schemaVersion) this.#judgeBeyond(event, 'schema');
    else this.#apply(event, origin, { isInLog: false });
  }

  quarantine(record: LogRecord, reason: string): void {
    const { topic, now: foundAt } = this.#context;
    this.plan.quarantined.push({ topic, partition: this.#piece.partition, record, reason, foundAt });
  }

  #judgeKnown(event: ChangeEvent, origin: Origin, record: LogRecord): void {
    const stored = this.#planned.get(placeOf(event)) ?? this.#links.get(event.origin)?.get(event.seq);
    if (stored && !stored.equals(event.chain)) {
      this.#contradiction(event, record);
      return;
    }
    if (origin.isMinted) this.plan.echoes += 1;
    else this.plan.duplicates += 1;
    if (event.seq === origin.published + 1) {
      this.plan.origins.set(origin.name, { ...origin, published: event.seq });
    } else if (event.seq > origin.published) {
      this.plan.lost.add(origin.name);
      if (origin.name === this.#context.own) this.#passOwn(event.seq);
    }
  }

  /** Passed here; but a copy of this replica, cut to what is published, does not have it. */
  #passOwn(seq: number): void {
    const known = this.plan.ownAhead;
    const place = known?.place ?? this.#place();
    this.plan.ownAhead = { place, upTo: Math.max(seq, known?.upTo ?? 0) };
  }

  #judgeBeyond(event: ChangeEvent, reason: StallReason): void {
    if (event.origin === this.#context.own) throw fork(event);
    const { origin, schemaVersion } = event;
    const known = this.#stall(origin);
    // Once the next row is seen it is no hole any more, whatever else turns up: only an upgrade ends that.
    const why = known?.reason === 'schema' ? known : { reason, schemaVersion };
    const place = this.#firstPlace(known);
    const elsewhere = this.#elsewhere(known, place.partition);
    const isKnown = known?.reason === why.reason && place === known && elsewhere === known.elsewhere;
    if (isKnown) return;
    this.plan.stalls.set(origin, {
      origin,
      reason: why.reason,
      schemaVersion: why.schemaVersion,
      since: known?.since ?? this.#context.now,
      partition: place.partition,
      position: place.position,
      elsewhere,
    });
  }

  /** Where a stall begins: what is known of it may stand behind the record that is judged, as reading may have gone back. */
  #firstPlace(known: Stall | undefined): StallPlace {
    return known && !this.#isBefore(known) ? known : this.#place();
  }

  /** Where other partitions than that of the stall show events that wait for it, this one included. */
  #elsewhere(known: Stall | undefined, place: number): readonly StallPlace[] {
    const { partition } = this.#piece;
    const elsewhere = known?.elsewhere ?? [];
    const listed = elsewhere.find((one) => one.partition === partition);
    if (partition === place || partition === NOWHERE || (listed && !this.#isBefore(listed))) return elsewhere;
    return [...elsewhere.filter((one) => one !== listed), this.#place()];
  }

  /** True when the record that is judged stands before a place of its partition; all of the log stands before `NOWHERE`. */
  #isBefore({ partition, position }: StallPlace): boolean {
    if (partition === NOWHERE) return this.#piece.partition !== NOWHERE;
    return partition === this.#piece.partition && this.position.next < position.next;
  }

  #place(): StallPlace {
    return { partition: this.#piece.partition, position: this.#here() };
  }

  /** The stall of an origin as it is after what was planned so far. */
  #stall(origin: string): Stall | undefined {
    const ended = this.plan.endedStalls.has(origin);
    return this.plan.stalls.get(origin) ?? (ended ? undefined : this.#context.stalls.get(origin));
  }

  #here(): Position {
    const bookmark = this.last ? bookmarkOf(this.last) : this.#piece.position.bookmark;
    return { next: this.position.next, bookmark };
  }

  #apply(event: ChangeEvent, origin: Origin, { isInLog }: { isInLog: boolean }): void {
    if (event.origin === this.#context.own) throw fork(event);
    const table = this.#context.history.table(event.table);
    const { seq, schemaVersion, chain } = event;
    const place = { originId: origin.id, originName: origin.name, seq, schemaVersion, chain };
    try {
      if (!table) throw new Error(`this build has no table ${event.table}`);
      this.plan.rows.push({
        table,
        row: this.#context.readAhead.row(event, table),
        bytes: event.bytes,
        ...place,
      });
    } catch (error) {
      // What fits is always applied, or the history of a healthy replica would end here.
      this.plan.hidden.push({ event, originId: origin.id, reason: errorText(error) });
    }
    const published = isInLog && seq === origin.published + 1 ? seq : origin.published;
    this.plan.origins.set(origin.name, { ...origin, seq, chain, published });
    this.#planned.set(placeOf(event), chain);
    this.#endStalls(origin.name);
  }

  #endStalls(name: string): void {
    const stall = this.#stall(name);
    this.plan.stalls.delete(name);
    if (stall) this.plan.endedStalls.set(name, [...(this.plan.endedStalls.get(name) ?? []), stall]);
  }

  #contradiction(event: ChangeEvent, record: LogRecord): void {
    if (event.origin === this.#context.own) throw fork(event);
    this.quarantine(record, `${CONTRADICTION} of ${event.origin}: two lives of one run`);
  }

  #origin(name: string): Origin {
    const known = this.plan.origins.get(name) ?? this.#context.origins.get(name) ?? this.#fresh.get(name);
    if (known) return known;
    const origin = this.#context.origins.fresh(name, { isMinted: false });
    this.#fresh.set(name, origin);
    return origin;
  }
}

function placeOf(event: ChangeEvent): string {
  return `${event.origin}:${event.seq}`;
}

function fork(event: ChangeEvent): ReplicationError {
  return new ReplicationError({
    code: 'fork',
    message: `The log holds row ${event.seq} of this very run (${event.origin}), which this process never wrote.`,
    hint: 'A copy of this machine or process is running. This one ends; its next start is a run of its own.',
  });
}
