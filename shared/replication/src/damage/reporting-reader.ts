/**
 * A reader that reports damage: a read that runs into it is refused, and ends the process like every other way of
 * finding it.
 */
import { isReplicationError } from '../errors.ts';
import type { Database, SqlValue } from '../sqlite.ts';

/** `reader`, which also tells `failed` of damage. */
export function reportingReader(
  reader: Database['reader'],
  failed: (error: unknown) => void,
): Database['reader'] {
  return {
    all: async <T extends object>(sql: string, values?: readonly SqlValue[]) => {
      try {
        return await reader.all<T>(sql, values);
      } catch (error) {
        if (isReplicationError(error, 'database-damaged')) failed(error);
        throw error;
      }
    },
  };
}
