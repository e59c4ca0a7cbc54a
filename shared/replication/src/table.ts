/**
 * A replicated table, described once: its name, its columns by zod, its primary key.
 *
 * From the description come the SQL of the table, the check of every row that enters, and the canonical bytes
 * that travel and that the chain covers. Rows are flat: strings, integers, numbers, or null where a column
 * allows it; nothing else survives SQLite and JSON unchanged.
 */
import { z } from 'zod';
import { ReplicationError } from './errors.ts';

/** One value of a row. */
export type Value = string | number | null;

/** One row: column name to value. */
export type Row = Readonly<Record<string, Value>>;

/** What a service says about one table. */
export interface TableDescription {
  /** SQL name and name in event types: lower case letters, digits, underscores. */
  readonly name: string;
  /** Columns as a zod object of strings, integers or numbers, each optionally nullable. */
  readonly columns: z.ZodObject;
  /** The service's own key: a string column, unique among the rows that are shown. */
  readonly primaryKey: string;
  /** The string column with the row's time (ISO 8601, UTC): decides which of two rows with one key is shown. */
  readonly createdAt: string;
  /** The version that added this table; 1 when left out. */
  readonly addedIn?: number;
  /** Columns that came after the table, with the version that added them. They must be nullable: null is their default. */
  readonly since?: Readonly<Record<string, number>>;
  /** Indexes for the service's own reads, each a list of columns; they hold only rows that are shown. */
  readonly indexes?: readonly (readonly string[])[];
}

/** All replicated tables of one database; `version` is the newest schema version that this build knows. */
export interface DatabaseDescription {
  readonly name: string;
  readonly version: number;
  readonly tables: readonly TableDescription[];
}

/** One column as SQLite sees it. */
export interface Column {
  readonly name: string;
  readonly type: 'TEXT' | 'INTEGER' | 'REAL';
  readonly isNullable: boolean;
  readonly since: number;
}

/** A description made ready for use. */
export interface Table {
  readonly name: string;
  readonly primaryKey: string;
  readonly createdAt: string;
  readonly columns: readonly Column[];
  readonly indexes: readonly (readonly string[])[];
  /** Checks a row; throws `invalid-row` with the first thing that is wrong. Absent nullable columns become null. */
  check(row: unknown): Row;
  /**
   * The canonical bytes of a row in a schema version: JSON, columns sorted by name, no white space, absent
   * and null columns written as null. The same row gives the same bytes in every process, for ever.
   */
  encode(row: Row, version: number): Buffer;
  /** The row that canonical bytes stand for; throws `invalid-row` where they are not canonical or not allowed. */
  decode(bytes: Uint8Array, version: number): Row;
  /** The last column of a checked row that came later than `version` and is not null, with its version. */
  beyond(row: Row, version: number): { readonly column: string; readonly since: number } | undefined;
}

const NAME = /^[a-z][a-z0-9_]{0,47}$/;
const RESERVED = new Set(['origin', 'seq', 'schema_version', 'chain', 'superseded']);

/** Makes a table ready; throws a plain Error where the description itself is wrong, which is a programming error. */
export function defineTable(description: TableDescription): Table {
  const { name, primaryKey, createdAt } = description;
  if (!NAME.test(name))
    throw new Error(`table name '${name}' is not lower case letters, digits, underscores`);
  const columns = columnsOf(description);
  for (const key of [primaryKey, createdAt]) {
    if (!columns.some((column) => column.name === key && column.type === 'TEXT' && !column.isNullable)) {
      throw new Error(`table ${name}: '${key}' must be a string column that is never null`);
    }
  }
  const strict = description.columns.strict();
  const sorted = [...columns].sort((a, b) => (a.name < b.name ? -1 : 1));
  // zod takes an absent nullable column for an error; a row of an older version has to lack the later ones.
  const emptied = Object.fromEntries(
    columns
      .filter(({ name: column, isNullable }) => isNullable && !accepts(description, column, undefined))
      .map(({ name: column }) => [column, null]),
  );

  const check = (row: unknown): Row => {
    const isObject = typeof row === 'object' && row !== null && !Array.isArray(row);
    const parsed = strict.safeParse(isObject ? { ...emptied, ...row } : row);
    if (!parsed.success) throw invalidRow(name, z.prettifyError(parsed.error));
    const checked: Record<string, Value> = {};
    for (const column of columns) {
      const value = (parsed.data as Record<string, Value | undefined>)[column.name] ?? null;
      if (typeof value === 'string' && (value.includes('\0') || !value.isWellFormed())) {
        throw invalidRow(name, `${column.name} holds a NUL or half a surrogate pair`);
      }
      // SQLite and JSON know one zero only.
      checked[column.name] = value === 0 ? 0 : value;
    }
    return checked;
  };

  const encode = (row: Row, version: number): Buffer => {
    let json = '{';
    for (const column of sorted) {
      if (column.since > version) continue;
      if (json.length > 1) json += ',';
      json += `"${column.name}":${JSON.stringify(row[column.name] ?? null)}`;
    }
    return Buffer.from(`${json}}`);
  };

  const decode = (bytes: Uint8Array, version: number): Row => {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const row = check(parseJson(name, buffer));
    if (!encode(row, version).equals(buffer)) throw invalidRow(name, 'the bytes are not in canonical form');
    return row;
  };

  const beyond = (row: Row, version: number): ReturnType<Table['beyond']> => {
    const later = columns.filter(({ name: column, since }) => since > version && row[column] !== null);
    const last = later.sort((a, b) => b.since - a.since)[0];
    return last && { column: last.name, since: last.since };
  };

  const indexes = description.indexes ?? [];
  return { name, primaryKey, createdAt, columns, indexes, check, encode, decode, beyond };
}

function columnsOf(description: TableDescription): Column[] {
  const schema = z.toJSONSchema(description.columns, { io: 'output', unrepresentable: 'any' });
  return Object.entries(schema.properties ?? {}).map(([name, property]) => {
    if (!NAME.test(name) || RESERVED.has(name)) throw new Error(`column name '${name}' is not usable`);
    const { addedIn = 1 } = description;
    const since = description.since?.[name] ?? addedIn;
    const { types, isNullable } = typesOf(property);
    const type = sqlType(types);
    if (type === undefined) throw new Error(`column '${name}': only strings, integers and numbers replicate`);
    if (since > addedIn && !isNullable)
      throw new Error(`column '${name}' came later, so it must be nullable`);
    if (!isNullable && !(schema.required ?? []).includes(name)) {
      throw new Error(`column '${name}' may be absent, so it must be nullable`);
    }
    return { name, type, isNullable, since };
  });
}

function accepts(description: TableDescription, column: string, value: unknown): boolean {
  const schema = description.columns.shape[column];
  return schema !== undefined && z.safeParse(schema, value).success;
}

function typesOf(property: z.core.JSONSchema.BaseSchema | boolean): { types: string[]; isNullable: boolean } {
  if (typeof property === 'boolean') return { types: [], isNullable: false };
  const branches = property.anyOf ?? [property];
  const types = branches.flatMap((branch) => (typeof branch === 'object' ? (branch.type ?? []) : []));
  return { types: types.filter((type) => type !== 'null'), isNullable: types.includes('null') };
}

function sqlType(types: readonly string[]): Column['type'] | undefined {
  if (types.length !== 1) return undefined;
  return ({ string: 'TEXT', integer: 'INTEGER', number: 'REAL' } as const)[types[0] ?? ''];
}

function parseJson(table: string, buffer: Buffer): unknown {
  try {
    return JSON.parse(buffer.toString('utf8'));
  } catch (cause) {
    throw invalidRow(table, 'the bytes are not JSON', cause);
  }
}

function invalidRow(table: string, what: string, cause?: unknown): ReplicationError {
  return new ReplicationError({
    code: 'invalid-row',
    message: `A row of table ${table} is not valid: ${what}`,
    hint: 'Correct the row; nothing was stored.',
    cause,
  });
}
