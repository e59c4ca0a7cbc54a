/**
 * A replica that is not there, for tests of `verify`: histories as lists of rows, answers as a probe gives them.
 */
import { createHash } from 'node:crypto';
import type {
  ProbedDeepCheck,
  ProbedStatus,
  ProbedVector,
  ReplicaProbe,
} from '../../src/verify/replica-probe.ts';

/** Rows of each origin, in order. */
export type Histories = Readonly<Record<string, readonly string[]>>;

/** What a fake may be told besides its rows. */
export interface FakeOptions {
  readonly name: string;
  readonly histories: Histories;
  /** Rows of an origin that are shown to others; default all. */
  readonly shown?: Readonly<Record<string, number>>;
  readonly status?: Partial<ProbedStatus>;
  readonly deep?: Partial<ProbedDeepCheck>;
  /** Every question fails with it. */
  readonly error?: Error;
  /** The deep question fails with it. */
  readonly deepError?: Error;
}

/** A fake and the questions that it was asked. */
export interface FakeReplica extends ReplicaProbe {
  /** Rows asked for, as `origin:seq`. */
  readonly changesAsked: string[];
  statusesAsked: number;
  /** Replaces what it holds. */
  become(histories: Histories): void;
}

/** Makes one. */
export function fakeReplica(options: FakeOptions): FakeReplica {
  let { histories } = options;
  const vector = (): ProbedVector =>
    Object.fromEntries(
      Object.entries(histories)
        .filter(([, rows]) => rows.length > 0)
        .map(([origin, rows]) => [origin, { seq: rows.length, chain: chainOf(rows) }]),
    );
  const digest = (): string => hash(JSON.stringify(Object.entries(vector()).sort()));
  const rows = (): number => Object.values(histories).reduce((sum, list) => sum + list.length, 0);
  const assertThere = (): void => {
    if (options.error) throw options.error;
  };
  const fake: FakeReplica = {
    url: `http://${options.name}.example`,
    changesAsked: [],
    statusesAsked: 0,
    become: (next) => {
      histories = next;
    },
    async status() {
      fake.statusesAsked += 1;
      assertThere();
      return {
        replicaId: options.name,
        state: 'live',
        digest: digest(),
        rows: rows(),
        unpublished: 0,
        lag: { records: 0, ms: 0 },
        stalled: [],
        quarantined: 0,
        writable: true,
        logReachable: true,
        ...options.status,
      };
    },
    async vector() {
      assertThere();
      return vector();
    },
    async deepCheck() {
      assertThere();
      if (options.deepError) throw options.deepError;
      return { digest: digest(), expected: digest(), rows: rows(), problems: [], ...options.deep };
    },
    async change(origin, seq) {
      assertThere();
      fake.changesAsked.push(`${origin}:${seq}`);
      const list = histories[origin] ?? [];
      const row = list[seq - 1];
      if (row === undefined || seq > (options.shown?.[origin] ?? list.length)) return undefined;
      return {
        seq,
        table: 'orders',
        chain: chainOf(list.slice(0, seq)),
        value: Buffer.from(row).toString('base64'),
      };
    },
  };
  return fake;
}

function chainOf(rows: readonly string[]): string {
  return rows.reduce((link, row) => hash(link + row), '');
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
