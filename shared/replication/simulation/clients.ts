/**
 * The clients of a simulated cluster: they write, write again what they wrote, and read, with and without tokens.
 *
 * What they attempt is in the ledger before it is asked for, and what they are told after it. Reads are judged where
 * they are made: by one replica they never go back, and with a token they never miss its write.
 */
import { isReplicationError, type ReplicationErrorCode } from '../src/errors.ts';
import type { Row } from '../src/table.ts';
import { formatToken, parseToken } from '../src/token.ts';
import type { Attempt } from './ledger.ts';
import type { Machine } from './machine.ts';
import type { Operation } from './plan.ts';
import { elementAt, type SeededRandom } from './seeded-random.ts';
import type { SimulatedCluster } from './simulated-cluster.ts';

/** Answers that say that nothing was stored. */
const REFUSALS: readonly ReplicationErrorCode[] = [
  'invalid-row',
  'row-too-large',
  'key-taken',
  'not-ready',
  'overloaded',
  'too-many-unpublished',
  'log-unreachable',
  'disk-full',
  'database-busy',
  'stopped',
];

/** Tokens that a client sends along. */
const TOKENS = 4;

/** All clients. */
export class Clients {
  readonly #cluster: SimulatedCluster;
  readonly #texts: SeededRandom;
  /** Acknowledged writes of each client. */
  readonly #own = new Map<number, Attempt[]>();
  /** Keys that reads of a machine have shown. */
  readonly #shown = new Map<string, Set<string>>();
  #done = 0;
  #answered = 0;

  constructor(cluster: SimulatedCluster, random: SeededRandom) {
    this.#cluster = cluster;
    this.#texts = random.fork('texts');
  }

  /** Operations begun, and those that were answered, whatever the answer. */
  get counts(): { begun: number; answered: number } {
    return { begun: this.#done, answered: this.#answered };
  }

  /** Begins an operation; it ends when it is answered, or never. */
  begin(operation: Operation): void {
    const machine = elementAt(this.#cluster.up, operation.pick);
    this.#done += 1;
    if (!machine) return;
    const ended = (): void => {
      this.#answered += 1;
    };
    this.#do(operation, machine).then(ended, (error: unknown) => {
      this.#cluster.violations.push({
        rule: 'I10',
        what: `a request to ${machine.id} failed: ${String(error)}`,
      });
    });
  }

  /** Writes to a machine, so that something happens there. */
  write(machine: Machine, client = 0): void {
    this.#write(machine, { client, isLogged: false, again: undefined }).catch(() => undefined);
  }

  /** The machine's disk was put back: its reads may go back, too. */
  diskChanged(machine: Machine): void {
    this.#shown.delete(machine.id);
  }

  async #do({ kind, client, pick, isLogged }: Operation, machine: Machine): Promise<void> {
    if (kind === 'read') return this.#read(machine, []);
    const own = this.#own.get(client) ?? [];
    if (kind === 'read own') return this.#read(machine, own.slice(-TOKENS));
    const again = kind === 'write again' ? elementAt(own, pick) : undefined;
    return this.#write(machine, { client, isLogged, again });
  }

  async #write(
    machine: Machine,
    { client, isLogged, again }: { client: number; isLogged: boolean; again: Attempt | undefined },
  ): Promise<void> {
    const replica = machine.life?.replica;
    if (!replica) return;
    const { ledger } = this.#cluster;
    const id = `w${ledger.attempts.length + 1}`;
    const attempt = ledger.attempt({ id, machine: machine.id, row: this.#row(id, machine, again) });
    try {
      const { token } = await replica.insert('notes', attempt.row, { concern: isLogged ? 'log' : 'local' });
      this.#acknowledge(attempt, client, token);
    } catch (error) {
      if (!isReplicationError(error)) throw error;
      if (error.token !== undefined) this.#acknowledge(attempt, client, error.token);
      else if (REFUSALS.includes(error.code)) attempt.outcome = 'refused';
      else if (error.code !== 'outcome-unknown') throw error;
    }
  }

  #row(id: string, machine: Machine, again: Attempt | undefined): Row {
    const { scheduler } = this.#cluster;
    return {
      note_id: again ? String(again.row.note_id) : `key-${id}`,
      text: `${id} ${'x'.repeat(this.#texts.whole(20, 700))}`,
      stars: this.#texts.whole(0, 5),
      weight: this.#texts.once(3) ? null : this.#texts.whole(0, 1000) / 8,
      created_at: new Date(scheduler.clockOf(this.#cluster.world, machine.wall).now()).toISOString(),
    };
  }

  #acknowledge(attempt: Attempt, client: number, token: string): void {
    const [[origin, seq] = ['', 0]] = parseToken(token);
    attempt.place = { origin, seq };
    attempt.outcome = 'acknowledged';
    this.#own.set(client, [...(this.#own.get(client) ?? []), attempt]);
  }

  async #read(machine: Machine, sent: readonly Attempt[]): Promise<void> {
    const replica = machine.life?.replica;
    if (!replica) return;
    const known = this.#shown.get(machine.id) ?? new Set();
    this.#shown.set(machine.id, known);
    const before = [...known];
    try {
      replica.assertReadable();
      if (sent.length > 0) await replica.covers(parseToken(sent.map(tokenOf).join()));
      const rows = await replica.reads.all<{ note_id: string }>(
        'SELECT note_id FROM notes WHERE superseded = 0',
      );
      const keys = new Set(rows.map(({ note_id }) => note_id));
      this.#expect(machine, keys, before, 'it showed that before');
      this.#expect(machine, keys, sent.map(keyOf), 'its token was sent along');
      for (const key of keys) known.add(key);
    } catch (error) {
      if (!isReplicationError(error)) throw error;
      if (error.code === 'write-gone' && sent.every(({ excuse }) => excuse === undefined)) {
        const what = `${machine.id} says that a write is gone, and it is not: ${error.message}`;
        this.#cluster.scheduler.note(`violates I7: ${what}`);
        this.#cluster.violations.push({ rule: 'I7', what });
      }
    }
  }

  #expect(machine: Machine, keys: ReadonlySet<string>, expected: readonly string[], why: string): void {
    const missing = expected.find((key) => !keys.has(key));
    if (missing === undefined) return;
    this.#cluster.violations.push({ rule: 'I7', what: `${machine.id} does not show ${missing}, and ${why}` });
  }
}

function tokenOf({ place }: Attempt): string {
  return formatToken(place?.origin ?? '', place?.seq ?? 0);
}

function keyOf({ row }: Attempt): string {
  return String(row.note_id);
}
