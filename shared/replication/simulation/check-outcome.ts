/**
 * What must be true when all is quiet again: checked once, at the end of a history.
 */
import type { Attempt, LoggedRows } from './ledger.ts';
import type { Violation } from './violation.ts';

/** A row as it lies in a table. */
export interface StoredRow {
  readonly note_id: string;
  readonly text: string;
  readonly stars: number;
  readonly weight: number | null;
  readonly created_at: string;
  readonly origin: string;
  readonly seq: number;
  readonly superseded: number;
}

/** One replica at the end. */
export interface FinalReplica {
  readonly machine: string;
  readonly rows: readonly StoredRow[];
  readonly vector: Readonly<Record<string, { readonly seq: number; readonly chain: string }>>;
  readonly digest: string;
  /** Recomputed from the rows. */
  readonly deep: { readonly digest: string; readonly problems: readonly unknown[] };
}

/** A history at its end. */
export interface Outcome {
  readonly attempts: readonly Attempt[];
  readonly replicas: readonly FinalReplica[];
  /** What the log holds. */
  readonly logged: LoggedRows;
  /** What retention took from the log of now: exactly these rows may be missing in it. */
  readonly cut: LoggedRows;
}

/** I1, I2, I4, I6, I8. */
export function checkOutcome(outcome: Outcome): Violation[] {
  return [
    ...outcome.replicas.flatMap((replica) => [
      ...checkPresence(replica, outcome),
      ...checkOrigin(replica, outcome),
      ...checkShown(replica),
      ...checkDeep(replica),
    ]),
    ...checkEqual(outcome),
    ...checkLog(outcome),
  ];
}

function checkPresence({ machine, rows }: FinalReplica, { attempts }: Outcome): Violation[] {
  const counts = new Map<string, number>();
  for (const { text } of rows) counts.set(text, (counts.get(text) ?? 0) + 1);
  return attempts.flatMap(({ id, row, outcome, excuse }): Violation[] => {
    const count = counts.get(String(row.text)) ?? 0;
    if (count > 1) return [{ rule: 'I1', what: `${machine}: row ${id} is there ${count} times` }];
    if (count === 1 && outcome === 'refused') {
      return [{ rule: 'I8', what: `${machine}: row ${id} was refused and is stored` }];
    }
    if (count === 0 && outcome === 'acknowledged' && excuse === undefined) {
      return [{ rule: 'I1', what: `${machine}: row ${id} was acknowledged and is not there` }];
    }
    return [];
  });
}

function checkOrigin({ machine, rows }: FinalReplica, { attempts }: Outcome): Violation[] {
  const byText = new Map(attempts.map((attempt) => [String(attempt.row.text), attempt]));
  return rows.flatMap((stored): Violation[] => {
    const attempt = byText.get(stored.text);
    const place = `${stored.origin}:${stored.seq}`;
    if (!attempt) return [{ rule: 'I2', what: `${machine}: the row at ${place} was never attempted` }];
    const isSame = (['note_id', 'stars', 'weight', 'created_at'] as const).every(
      (column) => stored[column] === attempt.row[column],
    );
    if (!isSame) return [{ rule: 'I2', what: `${machine}: row ${attempt.id} is not as it was written` }];
    const told = attempt.place;
    if (told && (told.origin !== stored.origin || told.seq !== stored.seq)) {
      return [
        { rule: 'I2', what: `${machine}: row ${attempt.id} is at ${place}, not where its client was told` },
      ];
    }
    return [];
  });
}

/** Of the rows with one key the lowest (created_at, origin, seq) is shown, and only that one. */
function checkShown({ machine, rows }: FinalReplica): Violation[] {
  const byKey = new Map<string, StoredRow[]>();
  for (const row of rows) byKey.set(row.note_id, [...(byKey.get(row.note_id) ?? []), row]);
  return [...byKey].flatMap(([key, same]): Violation[] => {
    const [first] = same.toSorted(comparePlace);
    const shown = same.filter(({ superseded }) => superseded === 0);
    if (shown.length === 1 && shown[0] === first) return [];
    return [
      { rule: 'I6', what: `${machine}: of ${same.length} rows with key ${key} the wrong one is shown` },
    ];
  });
}

function comparePlace(a: StoredRow, b: StoredRow): number {
  if (a.created_at !== b.created_at) return a.created_at < b.created_at ? -1 : 1;
  if (a.origin !== b.origin) return a.origin < b.origin ? -1 : 1;
  return a.seq - b.seq;
}

function checkDeep({ machine, digest, deep }: FinalReplica): Violation[] {
  if (deep.problems.length === 0 && deep.digest === digest) return [];
  const [problem] = deep.problems;
  return [{ rule: 'I6', what: `${machine}: its rows do not hash to its digest: ${JSON.stringify(problem)}` }];
}

function checkEqual({ replicas }: Outcome): Violation[] {
  const [first, ...others] = replicas;
  return others
    .filter(({ digest }) => digest !== first?.digest)
    .map(({ machine }) => ({ rule: 'I6', what: `${first?.machine} and ${machine} hold different rows` }));
}

/** Nothing that is held is missing in the log. */
function checkLog({ replicas, logged, cut }: Outcome): Violation[] {
  return Object.entries(replicas[0]?.vector ?? {}).flatMap(([origin, { seq }]): Violation[] => {
    const seqs = logged.get(origin) ?? new Set();
    for (let one = 1; one <= seq; one += 1) {
      if (!seqs.has(one) && !cut.get(origin)?.has(one))
        return [{ rule: 'I4', what: `the log lacks row ${one} of ${origin}, which is held` }];
    }
    return [];
  });
}
