/**
 * Removed replicas: ids of which an operator has said that they will not come back.
 *
 * Writes of theirs that nobody holds are gone at once, instead of after the long silence that would tell otherwise;
 * what is held of them stays for ever. One that announces itself all the same is judged by what it says.
 */
import type { Database } from './sqlite.ts';
import type { Writer } from './writer.ts';

/** The ids, in memory and in `replication_removed`. */
export class RemovedReplicas {
  readonly #writer: Writer;
  readonly #ids: Set<string>;

  private constructor(writer: Writer, ids: Set<string>) {
    this.#writer = writer;
    this.#ids = ids;
  }

  /** Reads the table. */
  static async load({ reader, writer }: { reader: Database['reader']; writer: Writer }) {
    const rows = await reader.all<{ replica_id: string }>('SELECT replica_id FROM replication_removed');
    return new RemovedReplicas(writer, new Set(rows.map(({ replica_id }) => replica_id)));
  }

  /** True for an id that was removed. */
  has(replicaId: string): boolean {
    return this.#ids.has(replicaId);
  }

  /** All ids, sorted. */
  list(): string[] {
    return [...this.#ids].sort();
  }

  /** Removes an id. Idempotent; stored when it resolves. */
  remove(replicaId: string): Promise<void> {
    return this.#writer.submit({
      write: async (connection) => {
        await connection.run('INSERT OR IGNORE INTO replication_removed (replica_id) VALUES (?)', [
          replicaId,
        ]);
        return () => void this.#ids.add(replicaId);
      },
    });
  }

  /** Takes a removal back; false where there was none. */
  restore(replicaId: string): Promise<boolean> {
    return this.#writer.submit({
      write: async (connection) => {
        await connection.run('DELETE FROM replication_removed WHERE replica_id = ?', [replicaId]);
        return () => this.#ids.delete(replicaId);
      },
    });
  }
}
