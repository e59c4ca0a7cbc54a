/**
 * The announcer: sends this replica's beats and listens to the others'.
 *
 * It is not part of the guarantees: when announcements fail, replication goes on, and everybody keeps what was
 * heard last until silence takes it out. A reader without a beat of its own (the user-service) only listens.
 */
import {
  type Announcement,
  type AnnouncementChannel,
  decodeAnnouncement,
  encodeAnnouncement,
} from './announcement.ts';
import { backoffMs, policies } from './backoff.ts';
import type { Chain } from './chain.ts';
import { errorText } from './errors.ts';
import { Loop, type NextStep } from './loop.ts';
import type { Registry } from './registry.ts';
import type { Surroundings } from './surroundings.ts';

/** Time between two beats, in milliseconds. */
const BEAT_MS = 1000;

/** The first beats come faster, so that a new replica is known soon: only a second beat counts. */
const FIRST_BEATS = { count: 4, everyMs: 250 } as const;

/** How long a goodbye may take. */
const GOODBYE_MS = 1000;

/** How the announcer is put together. */
export interface AnnouncerOptions {
  readonly channel: AnnouncementChannel;
  readonly chain: Chain;
  readonly cluster: string;
  readonly registry: Registry;
  readonly world: Surroundings;
  /** This replica's beat without its number; absent for one that only listens. */
  readonly describe?: (() => Omit<Announcement, 'beat' | 'cluster'>) | undefined;
  /** Called for every announcement heard, own ones included. */
  readonly heard?: ((announcement: Announcement) => void) | undefined;
}

/** Sends and hears announcements. */
export class Announcer {
  readonly #options: AnnouncerOptions;
  readonly #loop: Loop;
  #isOpen = false;
  #following: { stop(): Promise<void> } | undefined;
  #beat = 0;
  #failures = 0;

  constructor(options: AnnouncerOptions) {
    this.#options = options;
    const { clock, logger } = options.world;
    this.#loop = new Loop({
      clock,
      step: () => this.#step(),
      failed: (error) => logger.error({ error: errorText(error) }, 'announcing ended'),
    });
  }

  /** Begins; while the broker is away it keeps trying. */
  start(): void {
    this.#loop.start();
  }

  /** Says goodbye where it can, and leaves. Bounded in time. */
  async stop(): Promise<void> {
    await this.#loop.stop();
    const { describe, world } = this.#options;
    if (describe && this.#isOpen) {
      const goodbye = this.#send({ ...describe(), state: 'leaving' }).catch(() => undefined);
      await Promise.race([goodbye, new Promise<void>((resolve) => world.clock.after(GOODBYE_MS, resolve))]);
    }
    await this.#following?.stop();
    await this.#options.channel.close();
  }

  async #step(): Promise<NextStep> {
    const { channel, describe, world } = this.#options;
    try {
      if (!this.#isOpen) await channel.open();
      this.#isOpen = true;
      this.#following ??= await channel.follow({
        hear: (message) => {
          const announcement = decodeAnnouncement(message, this.#options);
          if (!announcement) return;
          this.#options.registry.hear(announcement);
          this.#options.heard?.(announcement);
        },
        broke: () => {
          this.#following = undefined;
          this.#loop.wake();
        },
      });
      if (describe) await this.#send(describe());
      this.#failures = 0;
      return describe && this.#beat < FIRST_BEATS.count ? FIRST_BEATS.everyMs : BEAT_MS;
    } catch (error) {
      this.#failures += 1;
      const fields = { error: errorText(error), failures: this.#failures };
      if (this.#failures === 3) world.logger.warn(fields, 'announcing failed; it is tried again');
      else world.logger.debug(fields, 'announcing failed again');
      return backoffMs(policies.connect, this.#failures, world.random);
    }
  }

  async #send(described: Omit<Announcement, 'beat' | 'cluster'>): Promise<void> {
    const { channel, chain, cluster } = this.#options;
    this.#beat += 1;
    await channel.send(encodeAnnouncement({ ...described, cluster, beat: this.#beat }, chain));
  }
}
