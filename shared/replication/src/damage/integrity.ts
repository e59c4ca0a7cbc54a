/**
 * SQLite's own word on a database: `PRAGMA integrity_check`, which reads every page and holds indexes against tables.
 */
import { statSync } from 'node:fs';
import { isReplicationError } from '../errors.ts';
import type { Connection } from '../sqlite.ts';

/** Findings that are asked for; one is enough to know. */
const FINDINGS = 3;

/**
 * What SQLite finds wrong in `file`, which `connection` has open; undefined when it finds nothing.
 * @throws `database-damaged` where it cannot even look.
 */
export async function findBrokenPages(
  connection: Pick<Connection, 'all'>,
  file: string,
): Promise<string | undefined> {
  try {
    const rows = await connection.all<{ integrity_check: string }>(`PRAGMA integrity_check(${FINDINGS})`);
    const found = rows.map((row) => row.integrity_check).filter((text) => text !== 'ok');
    if (found.length === 0) return undefined;
    return `SQLite: ${found.join('; ').replaceAll('\n', ' ').slice(0, 500)}`;
  } catch (error) {
    // Of a file that was cut within a long row SQLite says only that it could not be read.
    if (isReplicationError(error, 'database-failed') && (await isCut(connection, file))) {
      return `the file is shorter than it was; ${error.message}`;
    }
    throw error;
  }
}

/** True where the file has fewer bytes than pages. Pages that are only in the log are no sign of damage by themselves. */
export async function isCut(connection: Pick<Connection, 'all'>, file: string): Promise<boolean> {
  const [count] = await connection.all<{ page_count: number }>('PRAGMA page_count');
  const [size] = await connection.all<{ page_size: number }>('PRAGMA page_size');
  return statSync(file).size < (count?.page_count ?? 0) * (size?.page_size ?? 0);
}
