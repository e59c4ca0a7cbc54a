/**
 * The registry: which replicas are alive, judged by what was heard and when, by the local monotonic clock.
 *
 * Only a second, newer beat makes a replica count as alive: the first one may be an old record read again. A
 * silence of five seconds while others are heard, or a goodbye, takes it out. While nobody at all is heard the
 * channel itself is taken to be away: the last known list stays, and calls tell who answers. Of two origins with one
 * replica id both are kept apart, and whoever asks by replica id gets the later run.
 *
 * *Twins* are two runs of one replica id that go on at the same time. A restart shows beats of one run and then of the
 * next; only twins take turns, so a run that is heard again after another one of its replica id has one.
 */
import type { Announcement } from './announcement.ts';
import { replicaOf, runOf } from './origin.ts';
import type { Clock } from './surroundings.ts';

/** Silence after which a replica counts as gone. */
const SILENCE_MS = 5000;

/** Origins remembered at most; the longest silent ones are forgotten first. */
const MAX_ORIGINS = 1000;

/** A replica that is alive. */
export interface LiveReplica {
  readonly replicaId: string;
  readonly origin: string;
  readonly url: string;
  readonly state: Announcement['state'];
  readonly announcement: Announcement;
}

/** Two or more processes that run with one replica id. */
export interface Twins {
  readonly replicaId: string;
  readonly origins: readonly string[];
}

/** Longest pause between two announcements of anybody that counts as time of the channel, in milliseconds. */
const CHANNEL_PAUSE_MS = 1500;

interface Heard {
  announcement: Announcement;
  /** Time of the channel. */
  heardAtMs: number;
  isAlive: boolean;
  /** True once it was heard again after another run of its replica id. */
  tookTurns: boolean;
}

/** Replicas by what they announced. */
export class Registry {
  readonly #clock: Clock;
  readonly #heard = new Map<string, Heard>();
  readonly #heardOfReplica = new Map<string, { origin: string; atMs: number }>();
  /** Runs only while announcements arrive, so that an outage of the channel is nobody's silence. */
  #channelMs = 0;
  #lastHeardMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#lastHeardMs = clock.monotonic();
  }

  /** Takes in an announcement; older beats of an origin than the last one are dropped. */
  hear(announcement: Announcement): void {
    const { origin, beat } = announcement;
    const before = this.#heard.get(origin);
    if (before && beat <= before.announcement.beat) return;
    const now = this.#clock.monotonic();
    this.#channelMs += Math.min(now - this.#lastHeardMs, CHANNEL_PAUSE_MS);
    this.#lastHeardMs = now;
    const isAlive = before !== undefined && announcement.state !== 'leaving';
    const replicaId = replicaOf(origin);
    const isOtherInBetween = (this.#heardOfReplica.get(replicaId)?.origin ?? origin) !== origin;
    const tookTurns = before !== undefined && (before.tookTurns || isOtherInBetween);
    this.#heard.delete(origin);
    this.#heard.set(origin, { announcement, heardAtMs: this.#channelMs, isAlive, tookTurns });
    this.#heardOfReplica.set(replicaId, { origin, atMs: this.#channelMs });
    if (this.#heard.size > MAX_ORIGINS) {
      const [oldest = ''] = this.#heard.keys();
      this.#heard.delete(oldest);
    }
  }

  /** Everybody alive, one entry a replica id (the later run), sorted by replica id. */
  live(): LiveReplica[] {
    const byReplica = new Map<string, LiveReplica>();
    for (const announcement of this.#alive()) {
      const { origin, url, state } = announcement;
      const replicaId = replicaOf(origin);
      const other = byReplica.get(replicaId);
      if (!other || runOf(origin) > runOf(other.origin)) {
        byReplica.set(replicaId, { replicaId, origin, url, state, announcement });
      }
    }
    return [...byReplica.values()].sort((a, b) => (a.replicaId < b.replicaId ? -1 : 1));
  }

  /** The last announcement of each replica id (of its latest run), of those too that left or fell silent. */
  latest(): Announcement[] {
    const byReplica = new Map<string, Announcement>();
    for (const { announcement } of this.#heard.values()) {
      const replicaId = replicaOf(announcement.origin);
      const other = byReplica.get(replicaId);
      if (!other || runOf(announcement.origin) > runOf(other.origin)) byReplica.set(replicaId, announcement);
    }
    return [...byReplica.values()];
  }

  /** Origins of everybody alive, two runs of one replica id included. */
  liveOrigins(): string[] {
    return this.#alive().map(({ origin }) => origin);
  }

  /** Replica ids that more than one process uses at the moment, with the living runs of each. */
  twins(): Twins[] {
    const living = this.liveOrigins();
    const ids = new Set(living.filter((origin) => this.#heard.get(origin)?.tookTurns).map(replicaOf));
    return [...ids]
      .map((replicaId) => ({ replicaId, origins: living.filter((one) => replicaOf(one) === replicaId) }))
      .filter(({ origins }) => origins.length > 1);
  }

  /**
   * Milliseconds since a replica id was last heard, or since this registry began when it never was; only time in
   * which others were heard counts.
   */
  silenceMs(replicaId: string): number {
    return this.#channelMs - (this.#heardOfReplica.get(replicaId)?.atMs ?? 0);
  }

  /** True once announcements arrived for so long that everybody alive must be among them. */
  get knowsEverybody(): boolean {
    return this.#channelMs >= SILENCE_MS;
  }

  #alive(): Announcement[] {
    return [...this.#heard.values()]
      .filter(({ isAlive, heardAtMs }) => isAlive && this.#channelMs - heardAtMs < SILENCE_MS)
      .map(({ announcement }) => announcement);
  }
}
