/**
 * The network of a simulated cluster: replicas, broker and peers reach each other by messages that take their time,
 * and that are lost while somebody is cut off.
 *
 * The broker is the one in memory that the conformance suite holds against Apache Kafka; what this adds is delay,
 * and that a request may have arrived although its answer does not.
 */
import type { AnnouncementChannel } from '../src/announcement.ts';
import type { ChangeLog, Following, LogRead, LogReader, OutgoingRecord } from '../src/change-log.ts';
import type { MemoryBroker } from '../testing/memory-broker.ts';
import type { MemoryChangeLog } from '../testing/memory-change-log.ts';
import { unreachable } from '../testing/memory-errors.ts';
import type { Life } from './life.ts';
import type { Scheduler } from './scheduler.ts';
import type { SeededRandom } from './seeded-random.ts';

/** How long a request waits for a broker that does not answer, in milliseconds. */
const GIVE_UP_MS = 300;

/** Messages between replicas and the broker. */
export class SimulatedNetwork {
  readonly broker: MemoryBroker;
  readonly #scheduler: Scheduler;
  readonly #random: SeededRandom;
  readonly #clients = new Map<MemoryChangeLog, { readonly life: Life; isFetching: boolean }>();
  /** Called for every read that is handed to a replica; it may change it. */
  handing: (life: Life, read: LogRead) => LogRead = (_, read) => read;
  /** Called when a replica has applied a read. */
  took: (life: Life, read: LogRead) => void = () => undefined;
  /** Told of what a life sends, before it arrives. */
  sending: (life: Life, records: readonly OutgoingRecord[]) => void = () => undefined;
  /** Says what goes wrong with an append. */
  appending: () => 'acknowledgement lost' | 'arrives twice' | undefined = () => undefined;
  /** Called when somebody got no answer. */
  refused: (life: Life) => void = () => undefined;

  constructor(options: { broker: MemoryBroker; scheduler: Scheduler; random: SeededRandom }) {
    this.broker = options.broker;
    this.#scheduler = options.scheduler;
    this.#random = options.random;
  }

  /** Log and channel of one life. */
  connect(life: Life): { log: ChangeLog; channel: AnnouncementChannel } {
    const { client, channel } = this.broker.connect();
    this.#clients.set(client, { life, isFetching: false });
    return { log: this.#logOf(life, client), channel: this.#channelOf(life, channel) };
  }

  /** A life has ended: nothing reaches it any more. */
  forget(life: Life): void {
    for (const [client, { life: owner }] of this.#clients) {
      if (owner !== life) continue;
      this.broker.forget(client);
      this.#clients.delete(client);
    }
  }

  /** Time that a message takes, in milliseconds. */
  delayMs(): number {
    return this.#random.once(40) ? this.#random.whole(20, 150) : 0.2 + 3 * this.#random.unit();
  }

  /** Everybody who could read something asks for it. */
  fetch(): void {
    for (const [client, state] of this.#clients) {
      const { life } = state;
      if (state.isFetching || life.isDead || life.isCutOff || !client.isHungry()) continue;
      state.isFetching = true;
      const run = (): void => {
        const ended = (): void => {
          state.isFetching = false;
        };
        if (life.isCutOff) ended();
        else client.deliver().then(ended, (error) => life.failed(error));
      };
      this.#scheduler.schedule({ owner: life, afterMs: this.delayMs(), label: 'reads', run });
    }
  }

  #logOf(life: Life, client: MemoryChangeLog): ChangeLog {
    return {
      open: () => this.#call(life, 'opens the log', () => client.open()),
      offsets: () => this.#call(life, 'asks for offsets', () => client.offsets()),
      append: (partition, records) =>
        this.#call(life, `appends ${records.length} to ${partition}`, () =>
          this.#append(life, client, partition, records),
        ),
      follow: (reader) => this.#call(life, 'follows', () => this.#follow(life, client, reader)),
      close: () => client.close(),
    };
  }

  async #append(
    life: Life,
    client: MemoryChangeLog,
    partition: number,
    records: readonly OutgoingRecord[],
  ): Promise<{ lastOffset: number }> {
    this.sending(life, records);
    const fault = this.appending();
    if (fault === 'arrives twice') await client.append(partition, records);
    const answer = await client.append(partition, records);
    if (fault === 'acknowledgement lost') throw unreachable('the acknowledgement was lost');
    return answer;
  }

  async #follow(life: Life, client: MemoryChangeLog, reader: LogReader): Promise<Following> {
    return client.follow({
      startOf: (partition) => reader.startOf(partition),
      take: async (read) => {
        const handed = this.handing(life, read);
        life.hasApplied = false;
        life.inHand = handed;
        const answer = await reader.take(handed);
        const { partition, from, next, end, records } = handed;
        this.#scheduler.note(
          `${life.name} took ${records.length} of partition ${partition} from ${from} to ${next} of ${end}: ${answer}`,
        );
        // A read may be applied and answered with 'seek': a stall has ended.
        if (life.hasApplied) this.took(life, handed);
        return answer;
      },
      broke: (error) => reader.broke(error),
    });
  }

  /** There and back; what is cut off in between has happened, and nobody was told. */
  async #call<T>(life: Life, label: string, work: () => Promise<T>): Promise<T> {
    await this.#travel(life, label);
    const answer = await work();
    await this.#travel(life, `${label}: answer`);
    return answer;
  }

  async #travel(life: Life, label: string): Promise<void> {
    await this.#scheduler.pause(life, this.delayMs(), label);
    if (!life.isCutOff && this.broker.isReachable) return;
    await this.#scheduler.pause(life, GIVE_UP_MS, `${label}: no answer`);
    this.refused(life);
    throw unreachable(`${label}: no answer`);
  }

  #channelOf(life: Life, channel: AnnouncementChannel): AnnouncementChannel {
    return {
      open: () => this.#call(life, 'opens the announcements', () => channel.open()),
      send: async (message) => {
        await this.#travel(life, 'announces');
        await channel.send(message);
      },
      follow: async (listener) => {
        await this.#travel(life, 'listens');
        return channel.follow({
          hear: (message) => {
            const run = (): void => {
              if (!life.isCutOff && this.broker.isReachable) listener.hear(message);
            };
            this.#scheduler.schedule({ owner: life, afterMs: this.delayMs(), label: 'hears', run });
          },
          broke: (error) => listener.broke(error),
        });
      },
      close: () => channel.close(),
    };
  }
}
