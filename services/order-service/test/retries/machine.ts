/**
 * A machine with an order replica on it that may die: what it leaves behind is what was on its disk at that instant.
 *
 * Dying is a copy of the files, as closing them would save more than a kill does. The life that was left goes on
 * unheard, cut off from the log, until `stop`; whoever waits for an answer of it gets none.
 */
import { cpSync } from 'node:fs';
import path from 'node:path';
import { openReplica, type Replica, realSurroundings } from '@dbsync/replication';
import type { MemoryBroker } from '@dbsync/replication/testing';
import { createLogger } from '@dbsync/service-kit';
import { RunningKeys } from '../../src/domain/idempotency-key.ts';
import type { OrderStore } from '../../src/domain/order.ts';
import { ordersDatabase } from '../../src/schema/orders-table.ts';
import { replicatedOrders } from '../../src/storage/replicated-orders.ts';
import { testIdentity } from '../running-service.ts';

const silent = createLogger({ name: 'test', level: 'silent' });

/** One run of the replica. */
export interface Life {
  readonly replica: Replica;
  readonly store: OrderStore;
  readonly runningKeys: RunningKeys;
  /** Cuts it off from the log, or connects it again. */
  setCut(isCut: boolean): void;
}

/** The machine was dead, or died before it answered. */
class NoAnswer extends Error {}

/** See the head of the file. */
export class Machine {
  readonly id: string;
  readonly failures: unknown[] = [];
  readonly #broker: MemoryBroker;
  readonly #root: string;
  readonly #left: Life[] = [];
  #directories = 0;
  #life: Life | undefined;

  constructor(options: { id: string; broker: MemoryBroker; root: string }) {
    this.id = options.id;
    this.#broker = options.broker;
    this.#root = options.root;
  }

  get life(): Life | undefined {
    return this.#life;
  }

  async start(): Promise<void> {
    const { log, channel, client } = this.#broker.connect();
    const replica = await openReplica({
      replicaId: this.id,
      ...testIdentity,
      file: path.join(this.#directory, 'orders.db'),
      description: ordersDatabase('orders'),
      url: () => 'http://127.0.0.1:1',
      replication: { topic: 'orders.changes', log, channel },
      limits: { tokenWaitMs: 50, acknowledgeMs: 100, drainMs: 50 },
      world: realSurroundings(silent),
      failed: (error) => this.failures.push(error),
    });
    replica.start();
    this.#life = {
      replica,
      store: replicatedOrders(replica),
      runningKeys: new RunningKeys(),
      setCut: (isCut) => client.setCut(isCut),
    };
  }

  /** Asks the life that there is. @throws NoAnswer when it ends before it has answered. */
  async ask<T>(what: (life: Life) => Promise<T>): Promise<T> {
    const life = this.#life;
    if (life === undefined) throw new NoAnswer();
    try {
      return await what(life);
    } finally {
      // Nothing is heard of a dead one: neither an answer nor why there is none.
      // biome-ignore lint/correctness/noUnsafeFinally: that is the point
      if (this.#life !== life) throw new NoAnswer();
    }
  }

  /** The process is killed. */
  die(): void {
    const life = this.#leave();
    if (life === undefined) return;
    const from = this.#directory;
    this.#directories += 1;
    const isKept = (file: string): boolean =>
      !path.basename(file).startsWith('lock.') && !file.endsWith('-shm');
    cpSync(from, this.#directory, { recursive: true, filter: isKept });
    this.#left.push(life);
  }

  /** The process ends in order. */
  async end(): Promise<void> {
    const life = this.#life;
    await life?.replica.stop();
    if (this.#life === life) this.#life = undefined;
  }

  /** Ends whatever there is, and what was left by a death. */
  async stop(): Promise<void> {
    await this.end();
    for (const { replica } of this.#left) await replica.stop();
  }

  get #directory(): string {
    return path.join(this.#root, `${this.id}.${this.#directories}`);
  }

  #leave(): Life | undefined {
    const life = this.#life;
    life?.setCut(true);
    this.#life = undefined;
    return life;
  }
}
