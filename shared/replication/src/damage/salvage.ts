/**
 * The salvage: what a damaged file has and nobody else, put where it belongs.
 *
 *   its link continues what this replica holds of its origin ... in under its origin, as if a peer had handed it over
 *   its place cannot be reached any more, but its own link
 *   proves it, and it was minted here .......................... in as a new row of this run, with its own key
 *   everything else ............................................ reported, never believed
 *
 * It runs once the rebuilt replica has caught up, so that what log and peers have is here already. It may be done
 * again after a crash: rows that went in are then known, by place or by key.
 */
import type { Applier } from '../applier.ts';
import { type Chain, GENESIS } from '../chain.ts';
import type { ChangeEvent } from '../change-event.ts';
import { errorText, isReplicationError } from '../errors.ts';
import type { History } from '../history.ts';
import { replicaOf } from '../origin.ts';
import type { Origins } from '../origins.ts';
import type { Writer } from '../writer.ts';
import { type CarvedRow, carve } from './carver.ts';
import type { DamageReport } from './damage-note.ts';
import type { MarkedRun } from './open-mark.ts';

/** What a salvage needs. */
export interface SalvageOptions {
  /** The file that was set aside; its log lies beside it. */
  readonly file: string;
  readonly replicaId: string;
  /** The run that had it open last and its rows, if known: neither may be in the file any more. */
  readonly last: MarkedRun | undefined;
  readonly chain: Chain;
  readonly history: History;
  readonly origins: Origins;
  readonly applier: Applier;
  readonly writer: Writer;
}

/** What came of it. */
export type Salvaged = Pick<DamageReport, 'salvaged' | 'renewed' | 'lost' | 'notSaved'>;

/** Rows of one transaction. */
const PAGE_ROWS = 200;

/** Places that a report names one by one; beyond them only their number is told. */
const MAX_REPORTED = 1000;

/** Rows that one origin can be missing at once; a larger number is taken for a damaged count. */
const MAX_GAP = 10_000_000;

/** Salvages everything. @throws what a write throws; do it again then. */
export async function salvage(options: SalvageOptions): Promise<Salvaged> {
  const { file, history, origins, last } = options;
  const carving = await carve(file, {
    tables: history.tables,
    isWanted: (row, names) =>
      names === undefined || [...names.keys()].some((name) => row.seq >= (origins.get(name)?.seq ?? 0)),
  });
  const guesses = [...new Set([...origins.list().map(({ name }) => name), ...(last ? [last.run] : [])])];
  const result: Mutable<Salvaged> = { salvaged: 0, renewed: 0, lost: 0, notSaved: [] };
  const byId = Map.groupBy(carving.rows, ({ originId }) => originId);
  for (const id of carving.names.keys()) if (!byId.has(id)) byId.set(id, []);
  let isLastSeen = last === undefined;
  for (const [id, rows] of byId) {
    const names = [...(carving.names.get(id)?.keys() ?? [])];
    const name = nameOf(rows, { names, guesses, ...options });
    if (name === undefined) {
      for (const row of rows) report(result, { origin: '?', row, why: 'its origin is not known any more' });
      continue;
    }
    isLastSeen ||= name === last?.run;
    const counts = [carving.names.get(id)?.get(name) ?? 0, name === last?.run ? last.seq : 0];
    await salvageOrigin({ name, rows, storedSeq: Math.max(...counts), result }, options);
  }
  if (last && !isLastSeen) {
    reportGap(result, { origin: last.run, from: (origins.get(last.run)?.seq ?? 0) + 1, to: last.seq });
  }
  if (!carving.isCutOff) return result;
  const why = 'there were more rows than could be looked at: the file has to be looked at by hand';
  return { ...result, lost: null, notSaved: [...result.notSaved, { origin: '?', from: 0, to: 0, why }] };
}

/** The name under which the rows prove themselves; one that the file tells where there is nothing to prove. */
function nameOf(
  rows: readonly CarvedRow[],
  known: Pick<SalvageOptions, 'chain' | 'origins'> & { names: readonly string[]; guesses: readonly string[] },
): string | undefined {
  const { names, guesses, chain, origins } = known;
  const bySeq = Map.groupBy(rows, ({ seq }) => seq);
  for (const name of [...names, ...guesses]) {
    const isProven = (row: CarvedRow): boolean =>
      linksBefore(row, bySeq, { name, origins }).some((link) => verifies(chain, name, link, row));
    if (rows.some(isProven)) return name;
  }
  return names[0];
}

async function salvageOrigin(
  found: { name: string; rows: readonly CarvedRow[]; storedSeq: number; result: Mutable<Salvaged> },
  options: SalvageOptions,
): Promise<void> {
  const { name, rows, result } = found;
  const { applier, origins, chain, replicaId } = options;
  const bySeq = Map.groupBy(rows, ({ seq }) => seq);
  const fitting = fittingRows(name, bySeq, options);
  for (let start = 0; start < fitting.length; start += PAGE_ROWS) {
    const { applied } = await applier.applyFromPeer(fitting.slice(start, start + PAGE_ROWS));
    result.salvaged += applied;
  }
  let next = (origins.get(name)?.seq ?? 0) + 1;
  const beyond = [...bySeq.keys()].filter((seq) => seq >= next).sort((a, b) => a - b);
  for (const seq of beyond) {
    reportGap(result, { origin: name, from: next, to: seq - 1 });
    next = seq + 1;
    const candidates = bySeq.get(seq) ?? [];
    const proven = candidates.find((row) =>
      linksBefore(row, bySeq, { name, origins }).some((link) => verifies(chain, name, link, row)),
    );
    if (proven?.row && replicaOf(name) === replicaId) await renew(proven, { name, result, options });
    else report(result, { origin: name, seq, row: candidates[0], why: whyNot(proven) });
  }
  reportGap(result, { origin: name, from: next, to: found.storedSeq });
}

/** The rows that continue what is held, as far as they go. Of two at one place the one that something follows. */
function fittingRows(
  name: string,
  bySeq: ReadonlyMap<number, CarvedRow[]>,
  { origins, chain }: Pick<SalvageOptions, 'origins' | 'chain'>,
): ChangeEvent[] {
  const events: ChangeEvent[] = [];
  let previous: Buffer = origins.get(name)?.chain ?? GENESIS;
  for (let seq = (origins.get(name)?.seq ?? 0) + 1; ; seq += 1) {
    const fitting = (bySeq.get(seq) ?? []).filter((row) => verifies(chain, name, previous, row));
    const isFollowed = (row: CarvedRow): boolean =>
      (bySeq.get(seq + 1) ?? []).some((next) => verifies(chain, name, row.chain, next));
    const row = fitting.find(isFollowed) ?? fitting.at(-1);
    if (!row) return events;
    const { schemaVersion, table, bytes } = row;
    events.push({ origin: name, seq, schemaVersion, table, previous, chain: row.chain, bytes });
    previous = row.chain;
  }
}

async function renew(
  { row, table: tableName, seq, schemaVersion }: CarvedRow,
  { name, result, options }: { name: string; result: Mutable<Salvaged>; options: SalvageOptions },
): Promise<void> {
  const table = options.history.table(tableName);
  if (!table) return report(result, { origin: name, seq, why: `this build has no table ${tableName}` });
  try {
    await options.writer.insert(table, row, { atLeast: schemaVersion });
    result.renewed += 1;
  } catch (error) {
    // Its key is shown already: it came by another way, or in an earlier attempt.
    if (isReplicationError(error, 'key-taken')) return;
    if (!isReplicationError(error, 'invalid-row', 'row-too-large')) throw error;
    report(result, { origin: name, seq, why: errorText(error) });
  }
}

/** Links that may stand before a row: what is held, the start, and what was found. */
function linksBefore(
  { seq }: CarvedRow,
  bySeq: ReadonlyMap<number, CarvedRow[]>,
  { name, origins }: { name: string; origins: Origins },
): Buffer[] {
  const links = (bySeq.get(seq - 1) ?? []).map(({ chain }) => chain);
  const held = origins.get(name);
  if (held && held.seq === seq - 1) links.push(held.chain);
  if (seq === 1) links.push(GENESIS);
  return links;
}

function verifies(chain: Chain, origin: string, previous: Buffer, row: CarvedRow): boolean {
  return chain.verify(row.chain, previous, { ...row, origin });
}

function whyNot(proven: CarvedRow | undefined): string {
  return proven
    ? 'it is a row of another replica, behind one that is missing'
    : 'what is left of it does not prove itself';
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Places of which nothing is left. */
function reportGap(
  result: Mutable<Salvaged>,
  { origin, from, to }: { origin: string; from: number; to: number },
): void {
  if (to < from) return;
  const isPlausible = to - from < MAX_GAP;
  // A count that was hit itself counts nothing.
  result.lost = result.lost === null || !isPlausible ? null : result.lost + to - from + 1;
  if (result.notSaved.length < MAX_REPORTED) {
    const why = isPlausible ? 'nothing is left of it' : 'the stored count of its rows is damaged, too';
    result.notSaved.push({ origin, from, to, why });
  }
}

function report(
  result: Mutable<Salvaged>,
  missing: { origin: string; seq?: number; row?: CarvedRow | undefined; why: string },
): void {
  const { origin, row, why } = missing;
  const seq = missing.seq ?? row?.seq ?? 0;
  if (result.lost !== null) result.lost += 1;
  if (result.notSaved.length >= MAX_REPORTED) return;
  result.notSaved.push({ origin, from: seq, to: seq, why, ...(row?.row ? { row: { ...row.row } } : {}) });
}
