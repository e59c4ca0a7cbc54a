/**
 * Stores a plan: one transaction for everything that a piece of the log came to, then memory follows.
 *
 * Rows, origins, stalls, quarantine and positions are committed together or not at all; what is in memory moves
 * only after the commit, in the writer's own turn.
 */
import type { ApplyPlan } from './apply-plan.ts';
import { isReplicationError } from './errors.ts';
import type { History } from './history.ts';
import type { Milestones } from './milestones.ts';
import { type Origin, type Origins, saveOrigins, savePublished } from './origins.ts';
import { backAt, type Position, savePosition } from './positions.ts';
import { saveQuarantined } from './quarantine.ts';
import type { Connection } from './sqlite.ts';
import { clearPlaces, deleteStall, placesOf, type Stall, savePlace, saveStall } from './stalls.ts';
import type { Observe } from './surroundings.ts';
import type { Writer, WriteUnit } from './writer.ts';

/** Where plans are stored. */
export interface PlanStoreOptions {
  readonly topic: string;
  /** The origin of this run. */
  readonly own: string;
  readonly history: History;
  readonly origins: Origins;
  readonly positions: Map<number, Position>;
  readonly stalls: Map<string, Stall>;
  readonly writer: Writer;
  readonly arrivals: Milestones;
  /** Records that quarantine keeps at most; its own default where absent. */
  readonly quarantineRecords?: number | undefined;
  /** Told of the version of rows after the commit that holds them. */
  readonly versionStored: (schemaVersion: number) => void;
  readonly observe: Observe;
}

/** Stores plans with the positions after them. */
export class PlanStore {
  readonly #options: PlanStoreOptions;
  /** Highest row of this run that was passed ahead of what the log lacks; 0 where there is none. */
  #ownAhead = 0;

  constructor(options: PlanStoreOptions) {
    this.#options = options;
  }

  /** Stores a plan and the new positions; says how many rows were superseded. Ended stalls rewind their partitions. */
  async store(plan: ApplyPlan, positions: ReadonlyMap<number, Position>): Promise<number> {
    const moves = this.#withRewinds(plan, positions);
    try {
      return await this.#options.writer.submit(this.#unit(plan, moves, { isCareful: false }));
    } catch (error) {
      // Two rows with one key are rare: the quick way first, the careful one only where it was refused.
      if (!isReplicationError(error, 'key-taken')) throw error;
      return this.#options.writer.submit(this.#unit(plan, moves, { isCareful: true }));
    }
  }

  #unit(
    plan: ApplyPlan,
    moves: ReadonlyMap<number, Position>,
    { isCareful }: { isCareful: boolean },
  ): WriteUnit<number> {
    return {
      write: async (connection) => {
        const superseded = await this.#write(connection, { plan, moves, isCareful });
        return () => {
          this.#remember(plan, moves);
          return superseded;
        };
      },
    };
  }

  async #write(
    connection: Connection,
    { plan, moves, isCareful }: { plan: ApplyPlan; moves: ReadonlyMap<number, Position>; isCareful: boolean },
  ): Promise<number> {
    const { topic, history, quarantineRecords, observe } = this.#options;
    for (const origin of plan.origins.values()) {
      // The seq of our own run is the writer's: there only `published` is ours to move.
      if (this.#hasMoved(origin)) await saveOrigins(connection, [origin]);
      else await savePublished(connection, origin);
    }
    const superseded = isCareful ? await history.insertFitting(connection, plan.rows) : 0;
    if (!isCareful) await history.insert(connection, plan.rows);
    await history.hide(connection, plan.hidden);
    await observe('apply:rows-inserted');
    for (const name of plan.endedStalls.keys()) await deleteStall(connection, name);
    for (const stall of plan.stalls.values()) await saveStall(connection, topic, stall);
    await this.#saveOwnAhead(connection, plan);
    await saveQuarantined(connection, plan.quarantined, quarantineRecords);
    for (const [partition, position] of moves) await savePosition(connection, { topic, partition }, position);
    await observe('apply:before-commit');
    return superseded;
  }

  /** Where this run was passed ahead is kept, for copies of this file, until the log has everything of it up to there. */
  async #saveOwnAhead(connection: Connection, { ownAhead, origins }: ApplyPlan): Promise<void> {
    const { topic, own } = this.#options;
    if (ownAhead) await savePlace(connection, { origin: own, topic, ...ownAhead.place });
    const upTo = Math.max(this.#ownAhead, ownAhead?.upTo ?? 0);
    if (upTo > 0 && (origins.get(own)?.published ?? 0) >= upTo) await clearPlaces(connection);
  }

  #remember(plan: ApplyPlan, moves: ReadonlyMap<number, Position>): void {
    const { origins, stalls, positions, arrivals, versionStored } = this.#options;
    const versions = [...plan.rows, ...plan.hidden.map(({ event }) => event)];
    versionStored(Math.max(1, ...versions.map(({ schemaVersion }) => schemaVersion)));
    for (const staged of plan.origins.values()) {
      const current = origins.get(staged.name);
      if (this.#hasMoved(staged))
        origins.set({ ...staged, partition: current?.partition ?? staged.partition });
      else if (current) origins.set({ ...current, published: staged.published });
      arrivals.reached(staged.name, staged.seq);
    }
    const upTo = Math.max(this.#ownAhead, plan.ownAhead?.upTo ?? 0);
    this.#ownAhead = (origins.get(this.#options.own)?.published ?? 0) >= upTo ? 0 : upTo;
    for (const name of plan.endedStalls.keys()) stalls.delete(name);
    for (const stall of plan.stalls.values()) stalls.set(stall.origin, stall);
    for (const [partition, position] of moves) positions.set(partition, position);
  }

  #hasMoved(origin: Origin): boolean {
    return origin.seq > (this.#options.origins.get(origin.name)?.seq ?? 0);
  }

  /** Where an ended stall has its first event that was not applied, its partition goes back to. */
  #withRewinds(plan: ApplyPlan, positions: ReadonlyMap<number, Position>): ReadonlyMap<number, Position> {
    const moves = new Map(positions);
    for (const { partition, position: place } of [...plan.endedStalls.values()].flat().flatMap(placesOf)) {
      const planned = moves.get(partition) ?? this.#options.positions.get(partition);
      if (planned && place.next < planned.next) moves.set(partition, backAt(place, planned));
    }
    return moves;
  }
}
