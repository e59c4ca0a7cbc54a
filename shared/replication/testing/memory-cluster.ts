/**
 * Replicas of one process over one broker in memory, each on a folder of its own, all stopped and removed by `close`.
 * A second of theirs lasts 50 ms as a rule, so that beats, looks and waits do not take real seconds.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ChangeLog } from '../src/change-log.ts';
import type { Replica } from '../src/replica.ts';
import { type Clock, type Surroundings, silentLogger, systemRandom } from '../src/surroundings.ts';
import { type ForeignRun, rawRecord } from './foreign-run.ts';
import { MemoryBroker } from './memory-broker.ts';
import type { MemoryPeers } from './memory-peers.ts';
import { note } from './notes-table.ts';
import { fastClock } from './simulated-clock.ts';
import { startReplica, type TestReplicaOptions, temporaryDirectory } from './test-replica.ts';
import { waitUntil } from './wait-until.ts';

/** What a test may choose of one replica; the rest is the cluster's, or has defaults. */
export type ClusterReplicaOptions = Partial<Omit<TestReplicaOptions, 'replication' | 'world'>> & {
  /** What surrounds it differently. */
  readonly world?: Partial<Surroundings>;
  /** What stands between the replica and its log. */
  readonly wrapLog?: (log: ChangeLog) => ChangeLog;
};

/** A replica that was started, with what a test may hold against it or do to it. */
export interface StartedReplica {
  readonly replica: Replica;
  /** Errors that would end the process. */
  readonly failures: unknown[];
  /** The one connection that it has to the broker. */
  readonly client: ReturnType<MemoryBroker['connect']>['client'];
}

/** A cluster of them. */
export class MemoryCluster {
  /** May be exchanged for one that later replicas are on. */
  broker: MemoryBroker;
  /** The clock of the replicas that are given no other. */
  readonly clock: Clock;
  readonly #peers: MemoryPeers | undefined;
  readonly #directory = temporaryDirectory();
  readonly #running = new Map<Replica, string>();
  readonly #world: Surroundings;

  /**
   * With `peers`, replicas ask each other through them; without, nobody answers at their URLs. `pace`: how many times
   * faster than the real one their clock goes, for tests that a machine that is slow for a moment must not decide.
   */
  constructor(options: { broker?: MemoryBroker; peers?: MemoryPeers; pace?: number } = {}) {
    const { broker = new MemoryBroker(), peers, pace = 20 } = options;
    this.broker = broker;
    this.#peers = peers;
    this.clock = fastClock(pace);
    this.#world = {
      clock: this.clock,
      random: systemRandom,
      logger: silentLogger,
      observe: () => undefined,
    };
  }

  /** Where the folders of the replicas are. */
  get path(): string {
    return this.#directory.path;
  }

  /** Those that run. */
  replicas(): Iterable<Replica> {
    return this.#running.keys();
  }

  /** The folder of a replica. */
  folder(id: string): string {
    return join(this.path, id);
  }

  /** Opens and starts a replica. */
  async start(id: string, options: ClusterReplicaOptions = {}): Promise<StartedReplica> {
    const { broker = this.broker, wrapLog = (log) => log, world, ...rest } = options;
    const { log, channel, client } = broker.connect();
    const callPeer = this.#peers?.callPeer;
    const { replica, failures } = await startReplica(id, {
      directory: this.path,
      world: { ...this.#world, ...world },
      replication: { topic: 'notes.changes', log: wrapLog(log), channel, ...(callPeer ? { callPeer } : {}) },
      ...rest,
    });
    this.#running.set(replica, id);
    this.#peers?.set(urlOf(id), replica);
    return { replica, failures, client };
  }

  /** Starts a replica and waits until it is ready. */
  async live(id: string, options: ClusterReplicaOptions = {}): Promise<Replica> {
    const { replica } = await this.start(id, options);
    await untilLive(replica, id);
    return replica;
  }

  /** Starts replicas one after the other, each when the one before has reached the end of the log. */
  async allLive<const Ids extends readonly string[]>(...ids: Ids): Promise<{ [N in keyof Ids]: Replica }> {
    const replicas: Replica[] = [];
    for (const id of ids) {
      const { replica } = await this.start(id);
      await waitUntil(`${id} is live`, async () => (await replica.status()).state === 'live');
      replicas.push(replica);
    }
    return replicas as { [N in keyof Ids]: Replica };
  }

  /** Opens and starts a replica that has no log, in real time. */
  async isolated(id: string): Promise<Replica> {
    const { replica } = await startReplica(id, { directory: this.path });
    this.#running.set(replica, id);
    return replica;
  }

  /** Stops a replica, or all that run under an id; nobody answers at its URL from then on. */
  async stop(which: Replica | string): Promise<void> {
    const leaving = [...this.#running].filter(([replica, id]) => replica === which || id === which);
    for (const [replica, id] of leaving) {
      this.#running.delete(replica);
      this.#peers?.set(urlOf(id), undefined);
      await replica.stop();
    }
  }

  /** Stops a replica for good: its folder is gone. */
  async lose(id: string): Promise<void> {
    await this.stop(id);
    rmSync(this.folder(id), { recursive: true });
  }

  /** The first partition that has records; the one where everything is, if one run alone has written. */
  usedPartition(): number {
    const { broker } = this;
    return broker.offsets().findIndex((_, partition) => broker.records(partition).length > 0);
  }

  /** Puts rows that a stranger wrote at the end of partition 0. */
  append(run: ForeignRun, ...noteIds: string[]): void {
    for (const id of noteIds) this.broker.appendRaw(0, rawRecord(run.write(note(id))));
  }

  /** Stops what runs and removes the files. */
  async close(): Promise<void> {
    this.broker.setReachable(true);
    try {
      for (const replica of this.#running.keys()) await replica.stop();
    } finally {
      this.#directory.remove();
    }
  }
}

/** Waits until a replica is ready. */
export function untilLive(replica: Replica, name = 'it'): Promise<void> {
  return waitUntil(`${name} is live`, () => replica.readiness().ready || replica.readiness().reasons.join());
}

/** Waits until row `seq` of an origin is the last one of it that a replica has. */
export function untilRow(replica: Replica, origin: string, seq: number): Promise<void> {
  const last = (): number => replica.vector()[origin]?.seq ?? 0;
  return waitUntil(`row ${seq} arrives`, () => last() === seq || `${last()} are here`);
}

/** Where `startReplica` says that a replica can be asked. */
function urlOf(id: string): string {
  return `http://127.0.0.1:1/${id}`;
}
