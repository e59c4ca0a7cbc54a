/**
 * The carver: rows of replicated tables out of a damaged file, told by their shape, wherever they lie.
 *
 * It does not ask SQLite and follows no tree, so it needs neither header, schema, inner pages nor indexes. What it
 * gives are candidates: a row is believed only once its link verifies (see `salvage.ts`). The same row may be found
 * many times, in old versions of a page; rows never change, so all of them are as good as one.
 */
import { isOrigin } from '../origin.ts';
import type { Row, Table, Value } from '../table.ts';
import { type FoundRecord, PageFile, pageSizesOf, recordsOn, type StoredValue } from './sqlite-pages.ts';

/** A row as it was found. */
export interface CarvedRow {
  /** The small integer of its file. */
  readonly originId: number;
  readonly seq: number;
  readonly schemaVersion: number;
  readonly chain: Buffer;
  readonly table: string;
  /** Canonical bytes. */
  readonly bytes: Buffer;
  /** Undefined for a row that was hidden. */
  readonly row: Row | undefined;
}

/** Everything that was found. */
export interface Carving {
  /** Names that a file's small integer may stand for, with the highest seq that was stored for it. */
  readonly names: ReadonlyMap<number, ReadonlyMap<string, number>>;
  readonly rows: readonly CarvedRow[];
  /** True when there were more rows than are kept in memory. */
  readonly isCutOff: boolean;
}

/** Rows kept in memory at most. */
const MAX_ROWS = 500_000;

/** Records read before others get their turn. */
const TURN_RECORDS = 2000;

const LINK_BYTES = 32;

/** Columns of the library's tables that rows are told by: `replication_origin` and `replication_hidden`. */
const ORIGIN_COLUMNS = 7;
const HIDDEN_COLUMNS = 7;

/** Reads the file and its log, which nobody may have open, and finds the rows that `isWanted` asks for. */
export async function carve(
  file: string,
  options: {
    tables: readonly Table[];
    /** Names that the small integer may stand for are given as far as they are known. */
    isWanted: (row: CarvedRow, names: ReadonlyMap<string, number> | undefined) => boolean;
  },
): Promise<Carving> {
  const names = new Map<number, Map<string, number>>();
  const rows = new Map<string, CarvedRow>();
  const layouts = options.tables.flatMap(layoutsOf);
  let isCutOff = false;
  await eachRecord(file, (record) => {
    const origin = asOrigin(record);
    if (!origin) return;
    const known = names.get(origin.id) ?? new Map<string, number>();
    names.set(origin.id, known.set(origin.name, Math.max(origin.seq, known.get(origin.name) ?? 0)));
  });
  await eachRecord(file, (record) => {
    for (const row of asRows(record, layouts)) {
      const id = `${row.table} ${row.originId} ${row.seq} ${row.chain.toString('hex')} ${row.bytes.toString('latin1')}`;
      if (rows.has(id) || !options.isWanted(row, names.get(row.originId))) continue;
      if (rows.size < MAX_ROWS) rows.set(id, row);
      else isCutOff = true;
    }
  });
  return { names, rows: [...rows.values()], isCutOff };
}

async function eachRecord(file: string, visit: (record: FoundRecord) => void): Promise<void> {
  let visited = 0;
  for (const pageBytes of pageSizesOf(file)) {
    const pages = new PageFile(file, pageBytes);
    try {
      for (const version of pages.versions()) {
        for (const record of recordsOn(version, pages)) {
          visit(record);
          visited += 1;
        }
        if (visited < TURN_RECORDS) continue;
        visited = 0;
        await new Promise<void>((resolve) => setImmediate(resolve));
      }
    } finally {
      pages.close();
    }
  }
}

function asOrigin({ values, rowId }: FoundRecord): { id: number; name: string; seq: number } | undefined {
  const [none, name, seq, chain] = values;
  if (rowId === undefined || values.length !== ORIGIN_COLUMNS || none !== null) return undefined;
  if (typeof name !== 'string' || !isOrigin(name) || !isCount(seq) || !isLink(chain)) return undefined;
  return { id: rowId, name, seq };
}

/** The order in which a table's columns stand in a record. */
interface Layout {
  readonly table: Table;
  /** After origin and seq, which come first as they are the key. */
  readonly columns: readonly string[];
}

/** A table made by this build, or by an earlier one and then given the columns that came later, at its end. */
function layoutsOf(table: Table): Layout[] {
  const names = table.columns.map(({ name }) => name);
  const ours = ['schema_version', 'chain', 'superseded'];
  const layouts: Layout[] = [{ table, columns: [...names, ...ours] }];
  const versions = new Set(table.columns.map(({ since }) => since));
  for (const version of versions) {
    const early = table.columns.filter(({ since }) => since <= version).map(({ name }) => name);
    const late = table.columns
      .filter(({ since }) => since > version)
      .sort((a, b) => a.since - b.since)
      .map(({ name }) => name);
    if (late.length > 0) layouts.push({ table, columns: [...early, ...ours, ...late] });
  }
  return layouts;
}

function* asRows({ values, rowId }: FoundRecord, layouts: readonly Layout[]): Generator<CarvedRow> {
  const [originId, seq, ...rest] = values;
  if (rowId !== undefined || !isCount(originId) || !isCount(seq) || seq < 1) return;
  for (const layout of layouts) {
    const row = asRow({ originId, seq, values: rest }, layout);
    if (row) yield row;
  }
  const [table, schemaVersion, chain, bytes] = rest;
  if (values.length !== HIDDEN_COLUMNS || typeof table !== 'string' || !isVersion(schemaVersion)) return;
  if (!isLink(chain) || !Buffer.isBuffer(bytes)) return;
  yield { originId, seq, schemaVersion, chain, table, bytes, row: undefined };
}

function asRow(
  found: { originId: number; seq: number; values: readonly StoredValue[] },
  { table, columns }: Layout,
): CarvedRow | undefined {
  const { originId, seq, values } = found;
  // A record that was written before a column came does not have it.
  if (values.length > columns.length || values.length <= columns.indexOf('superseded')) return undefined;
  const byName = new Map(columns.map((name, i) => [name, values[i] ?? null]));
  const schemaVersion = byName.get('schema_version');
  const chain = byName.get('chain');
  if (!isVersion(schemaVersion) || !isLink(chain)) return undefined;
  const row: Record<string, Value> = {};
  for (const { name, type, isNullable } of table.columns) {
    const value = byName.get(name) ?? null;
    if (Buffer.isBuffer(value)) return undefined;
    if (value === null ? !isNullable : (typeof value === 'string') !== (type === 'TEXT')) return undefined;
    row[name] = value;
  }
  const bytes = table.encode(row, schemaVersion);
  return { originId, seq, schemaVersion, chain, table: table.name, bytes, row };
}

function isCount(value: StoredValue | undefined): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function isVersion(value: StoredValue | undefined): value is number {
  return isCount(value) && value >= 1 && value <= 0xffff_ffff;
}

function isLink(value: StoredValue | undefined): value is Buffer {
  return Buffer.isBuffer(value) && value.length === LINK_BYTES;
}
