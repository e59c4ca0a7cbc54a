/**
 * One row of the performance table: what was measured, against what, and whether the goal is met.
 */

/** A goal for the ratio, or for the value itself where nothing is measured against. */
export interface Goal {
  readonly kind: 'at least' | 'at most';
  readonly value: number;
  /** True: the goal is about `ours` and not about the ratio. */
  readonly isAbsolute?: boolean;
}

/** What a measure hands in. */
export interface Measured {
  readonly measure: string;
  readonly unit: string;
  readonly ours: number;
  /** Null where there is none. */
  readonly limit: number | null;
  readonly goal: Goal;
}

/** A finished row; its fields are what `--json` prints. */
export interface BenchRow {
  readonly measure: string;
  readonly unit: string;
  readonly ours: number;
  readonly limit: number | null;
  /** Ours ÷ limit, whichever way is better; null without a limit. */
  readonly ratio: number | null;
  /** In words: `ratio >= 0.85`, `ours <= 100 ms`. */
  readonly goal: string;
  readonly met: boolean;
  /** True: shorter rounds and smaller data; rough. */
  readonly isQuick: boolean;
  /** ISO 8601. */
  readonly takenAt: string;
}

/** Judges what was measured. Only finite numbers can meet a goal. */
export function judge(
  { measure, unit, ours, limit, goal }: Measured,
  taken: Pick<BenchRow, 'isQuick' | 'takenAt'>,
): BenchRow {
  const ratio = limit === null ? null : ours / limit;
  const judged = goal.isAbsolute ? ours : ratio;
  const sign = goal.kind === 'at least' ? '>=' : '<=';
  // By an infinite limit everything is nothing.
  const isNumber = judged !== null && [judged, limit ?? 0].every(Number.isFinite);
  const met = isNumber && (goal.kind === 'at least' ? judged >= goal.value : judged <= goal.value);
  return {
    measure,
    unit,
    ours,
    limit,
    ratio,
    goal: goal.isAbsolute ? `ours ${sign} ${goal.value} ${unit}` : `ratio ${sign} ${goal.value}`,
    met,
    ...taken,
  };
}

/** The table for people, one line a row, below a line of titles. */
export function tableLines(rows: readonly BenchRow[]): string[] {
  const cells = rows.map((row) => [...cellsOf(row), row.met ? 'met' : 'NOT MET']);
  const all = [['measure', 'ours', 'limit', 'ratio', 'goal', ''], ...cells];
  const widths = all[0]?.map((_, column) => Math.max(...all.map((line) => line[column]?.length ?? 0))) ?? [];
  // Figures stand right under each other; words begin at the left.
  return all.map((line) =>
    line
      .map((cell, column) =>
        column >= 1 && column <= 3 ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  );
}

/** Measure, ours, limit, ratio and goal of a row as people read them. */
export function cellsOf({ measure, unit, ours, limit, ratio, goal }: BenchRow): string[] {
  return [
    measure,
    `${figure(ours)} ${unit}`,
    limit === null ? '' : `${figure(limit)} ${unit}`,
    ratio === null ? '' : figure(ratio),
    goal,
  ];
}

/** Three digits that count, and no more; what JSON has no number for comes back from it as null. */
function figure(value: number | null): string {
  if (value === null || !Number.isFinite(value)) return '–';
  if (value === 0 || Math.abs(value) >= 100) return String(Math.round(value));
  return String(Number(value.toPrecision(3)));
}
