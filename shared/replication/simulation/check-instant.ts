/**
 * What must be true of a replica's database at every instant: checked after commits and on what a crash left behind.
 */
import type { Holding } from './holding.ts';
import type { Attempt, LoggedRows } from './ledger.ts';
import type { Violation } from './violation.ts';

/** A record that a replica was given and has taken. */
export interface TakenRecord {
  readonly partition: number;
  readonly offset: number;
  /** Absent: no genuine event. */
  readonly place: { readonly origin: string; readonly seq: number } | undefined;
}

/** What the checker knows besides the database. */
export interface InstantContext {
  readonly machine: string;
  /** Taken since the last look. */
  readonly taken: readonly TakenRecord[];
  /** Every row that the log ever held. */
  readonly everLogged: LoggedRows;
  /** Attempts of this machine since its disk was last put back to an older state. */
  readonly attempts: readonly Attempt[];
  /** Runs of other machines that go on now. */
  readonly running: ReadonlySet<string>;
  /** True right after a snapshot was taken over. */
  readonly isImported: boolean;
}

/** I1 (on its own disk), I3, I4 (what `published` claims, and what others hold of it) and I5, for one instant. */
export function checkInstant(holding: Holding, context: InstantContext): Violation[] {
  return [
    ...checkOwnDisk(holding, context),
    ...checkPrefixes(holding, context),
    ...checkPublished(holding, context),
    ...checkPassed(holding, context),
    ...checkAhead(holding, context),
    ...checkImported(holding, context),
  ];
}

function checkOwnDisk(holding: Holding, { attempts, machine }: InstantContext): Violation[] {
  const seqs = new Map(holding.origins.map(({ name, seq }) => [name, seq]));
  return attempts
    .filter(({ place }) => place !== undefined && place.seq > (seqs.get(place.origin) ?? 0))
    .map(({ id }) => ({ rule: 'I1', what: `${machine}: row ${id} was acknowledged and is not on its disk` }));
}

function checkPrefixes(holding: Holding, { machine }: InstantContext): Violation[] {
  return holding.origins
    .filter(({ seq, rows, low, high }) => rows !== seq || high !== seq || (seq > 0 && low !== 1))
    .map(({ name, seq, rows, low, high }) => ({
      rule: 'I3',
      what: `${machine}: of ${name} it has ${rows} rows, ${low} to ${high}, and says that it has 1 to ${seq}`,
    }));
}

function checkPublished(holding: Holding, { machine, everLogged }: InstantContext): Violation[] {
  return holding.origins.flatMap(({ name, seq, published }): Violation[] => {
    if (published > seq) {
      return [
        { rule: 'I4', what: `${machine}: ${published} rows of ${name} are published and ${seq} exist` },
      ];
    }
    if (published > 0 && everLogged.get(name)?.has(published) !== true) {
      return [
        {
          rule: 'I4',
          what: `${machine}: row ${published} of ${name} is published, but was never in the log`,
        },
      ];
    }
    return [];
  });
}

/** What lies below a position was applied before, is quarantined, or its origin is stalled. */
function checkPassed(holding: Holding, { machine, taken }: InstantContext): Violation[] {
  const seqs = new Map(holding.origins.map(({ name, seq }) => [name, seq]));
  return taken
    .filter(({ partition, offset, place }) => {
      if (offset >= (holding.positions.get(partition) ?? 0)) return false;
      if (holding.quarantined.has(`${partition}:${offset}`)) return false;
      if (!place) return true;
      return place.seq > (seqs.get(place.origin) ?? 0) && !holding.stalled.has(place.origin);
    })
    .map(({ partition, offset, place }) => ({
      rule: 'I5',
      what: `${machine}: passed offset ${offset} of partition ${partition} (${place ? `${place.origin}:${place.seq}` : 'no event'}) without a reason`,
    }));
}

/** Of a run that goes on others hold only what was in the log: its replica hands out no more, nor does a snapshot. */
function checkAhead(holding: Holding, { machine, running, everLogged }: InstantContext): Violation[] {
  return holding.origins
    .filter(({ name, seq }) => seq > 0 && running.has(name) && everLogged.get(name)?.has(seq) !== true)
    .map(({ name, seq }) => ({
      rule: 'I4',
      what: `${machine}: it holds row ${seq} of ${name}, which still runs and never had it in the log`,
    }));
}

/** A snapshot brings its positions together with its rows. */
function checkImported(holding: Holding, { machine, isImported }: InstantContext): Violation[] {
  const hasRows = holding.origins.some(({ rows }) => rows > 0);
  if (!isImported || !hasRows || holding.positions.size > 0) return [];
  return [{ rule: 'I3', what: `${machine}: a snapshot has brought rows, and no position` }];
}
