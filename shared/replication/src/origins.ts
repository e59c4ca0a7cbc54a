/**
 * The origins this replica knows, in memory: what is applied of each, and therefore the vector.
 *
 * It mirrors `replication_origin` and is changed only after the transaction that changed the table has been
 * committed, so whoever reads it sees what is on disk. Entries are replaced, never changed in place.
 */
import { createHash } from 'node:crypto';
import { GENESIS } from './chain.ts';
import { replicaOf, runOf } from './origin.ts';
import type { Connection, Database } from './sqlite.ts';

/** One origin as this replica holds it. */
export interface Origin {
  /** The small integer that stands for the name in rows of this database. */
  readonly id: number;
  readonly name: string;
  /** Applied: this replica holds the rows 1..seq. */
  readonly seq: number;
  /** Link of row `seq`. */
  readonly chain: Buffer;
  /** True when it was minted in this directory, so its unpublished rows are this replica's to publish. */
  readonly isMinted: boolean;
  /** Partition that a minted origin publishes to; null until its first publish. */
  readonly partition: number | null;
  /** The log holds the rows 1..published: they were read from it, or read back. */
  readonly published: number;
}

/** Seq and chain (hex) by origin, for every origin with at least one row. */
export type Vector = Readonly<Record<string, { readonly seq: number; readonly chain: string }>>;

/** All known origins. */
export class Origins {
  readonly #byName = new Map<string, Origin>();
  readonly #byId = new Map<number, Origin>();
  /** Names of origins with rows that the log is not known to hold. */
  readonly #lacking = new Set<string>();
  readonly #replicaIds = new Set<string>();
  #nextId = 1;

  /** Reads the table. */
  static async load(reader: Database['reader']): Promise<Origins> {
    const origins = new Origins();
    const rows = await reader.all<{
      id: number;
      name: string;
      seq: number;
      chain: Buffer;
      minted: number;
      partition: number | null;
      published: number;
    }>('SELECT id, name, seq, chain, minted, partition, published FROM replication_origin ORDER BY id');
    for (const { minted, ...row } of rows) origins.set({ ...row, isMinted: minted === 1 });
    return origins;
  }

  /** The entry of `name`, if this replica holds anything of it. */
  get(name: string): Origin | undefined {
    return this.#byName.get(name);
  }

  /** The entry with this id. */
  byId(id: number): Origin | undefined {
    return this.#byId.get(id);
  }

  /** How many there are. */
  get size(): number {
    return this.#byName.size;
  }

  /** Names of all of them. */
  names(): string[] {
    return [...this.#byName.keys()];
  }

  /** All entries, in the order in which they became known. */
  list(): Origin[] {
    return [...this.#byName.values()];
  }

  /** Replaces an entry; call it only after the transaction that stored it was committed. */
  set(origin: Origin): void {
    this.#byName.set(origin.name, origin);
    this.#byId.set(origin.id, origin);
    this.#replicaIds.add(replicaOf(origin.name));
    this.#nextId = Math.max(this.#nextId, origin.id + 1);
    if (origin.seq > origin.published) this.#lacking.add(origin.name);
    else this.#lacking.delete(origin.name);
  }

  /** Ids of the replicas that ever wrote something that is here. */
  replicaIds(): ReadonlySet<string> {
    return this.#replicaIds;
  }

  /** Origins minted here with rows that were not read back from the log yet, the earliest run first. */
  pending(): Origin[] {
    return this.lackedByLog().filter(({ isMinted }) => isMinted);
  }

  /** All origins with rows that the log is not known to hold, those from peers and snapshots included. */
  lackedByLog(): Origin[] {
    const found = [...this.#lacking].flatMap((name) => this.#byName.get(name) ?? []);
    return found.sort((a, b) => a.id - b.id);
  }

  /** An entry for a name not seen before, with an id of its own. Not known until it is `set`. */
  fresh(name: string, options: { isMinted: boolean }): Origin {
    const id = this.#nextId;
    this.#nextId += 1;
    return { id, name, seq: 0, chain: GENESIS, isMinted: options.isMinted, partition: null, published: 0 };
  }

  /** Rows held, of all origins. */
  rows(): number {
    let rows = 0;
    for (const origin of this.#byName.values()) rows += origin.seq;
    return rows;
  }

  /** The vector, or the part of it whose names pass `only`. */
  vector(only: (name: string) => boolean = () => true): Vector {
    const vector: Record<string, { seq: number; chain: string }> = {};
    for (const { name, seq, chain } of this.#byName.values()) {
      if (seq > 0 && only(name)) vector[name] = { seq, chain: chain.toString('hex') };
    }
    return vector;
  }
}

/** SHA-256 (hex) over the vector's lines `origin TAB seq TAB chain LF`, sorted by origin. */
export function digestOf(vector: Vector): string {
  const hash = createHash('sha256');
  for (const name of Object.keys(vector).sort()) {
    hash.update(`${name}\t${vector[name]?.seq}\t${vector[name]?.chain}\n`);
  }
  return hash.digest('hex');
}

/** Ended origins that are told by name: those that began last, which somebody may still be waiting for. */
export const TOLD_ENDED = 16;

/** What is told of ended origins: count, digest, and the seq of those that began last. */
export function describeEnded(ended: Vector): {
  origins: number;
  digest: string;
  latest: Record<string, number>;
} {
  const names = Object.keys(ended).sort((a, b) => (runOf(a) < runOf(b) ? 1 : -1));
  const latest = names.slice(0, TOLD_ENDED).map((name): [string, number] => [name, ended[name]?.seq ?? 0]);
  return { origins: names.length, digest: digestOf(ended), latest: Object.fromEntries(latest) };
}

/** Stores seq, link and `published` of entries, new ones whole; part of the transaction that stores their rows. */
export async function saveOrigins(connection: Connection, origins: Iterable<Origin>): Promise<void> {
  for (const { id, name, seq, chain, isMinted, partition, published } of origins) {
    await connection.run(
      `INSERT INTO replication_origin (id, name, seq, chain, minted, partition, published) VALUES (?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET seq = excluded.seq, chain = excluded.chain,
         published = excluded.published`,
      [id, name, seq, chain, isMinted ? 1 : 0, partition, published],
    );
  }
}

/** Stores how far the log is known to hold an origin: alone for our own run, whose seq the writer moves. */
export async function savePublished(
  connection: Connection,
  origin: { id: number; published: number },
): Promise<void> {
  await connection.run('UPDATE replication_origin SET published = ? WHERE id = ?', [
    origin.published,
    origin.id,
  ]);
}

/** Pins the partition that an origin publishes to. */
export async function savePartition(
  connection: Connection,
  origin: { id: number; partition: number },
): Promise<void> {
  await connection.run('UPDATE replication_origin SET partition = ? WHERE id = ?', [
    origin.partition,
    origin.id,
  ]);
}
