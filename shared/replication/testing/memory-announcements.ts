/**
 * Announcements in memory: kept with the time at which they were sent, and heard from ten seconds ago on.
 */
import type { AnnouncementChannel, AnnouncementMessage } from '../src/announcement.ts';
import { unreachable } from './memory-errors.ts';

/** How far back a new listener hears, in milliseconds. */
const LOOK_BACK_MS = 10_000;

interface Listener {
  hear(message: AnnouncementMessage): void;
  broke(error: unknown): void;
}

/** What was announced through one broker. */
export class MemoryAnnouncements {
  readonly #now: () => number;
  readonly #sent: { readonly atMs: number; readonly message: AnnouncementMessage }[] = [];
  readonly #listeners = new Set<Listener>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Stores a message as sent `agoMs` ago and tells everybody who listens. */
  send(message: AnnouncementMessage, agoMs = 0): void {
    this.#sent.push({ atMs: this.#now() - agoMs, message });
    for (const { hear } of this.#listeners) hear(message);
  }

  /** Adds a listener, tells it what was sent lately, and gives the way to remove it. */
  listen(listener: Listener): () => void {
    const since = this.#now() - LOOK_BACK_MS;
    for (const { atMs, message } of this.#sent) if (atMs >= since) listener.hear(message);
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Every hearing ends by itself, as that of a consumer that crashed. */
  breakListeners(): void {
    for (const listener of [...this.#listeners]) {
      this.#listeners.delete(listener);
      listener.broke(unreachable('the listener crashed'));
    }
  }
}

/** A channel for one client; it is away when its client is. */
export function memoryChannel(
  announcements: MemoryAnnouncements,
  client: { assertReachable(): void },
): AnnouncementChannel {
  const mine = new Set<() => void>();
  return {
    open: async () => client.assertReachable(),
    send: async (message) => {
      client.assertReachable();
      announcements.send(message);
    },
    follow: async (listener) => {
      client.assertReachable();
      const forget = announcements.listen(listener);
      mine.add(forget);
      return { stop: async () => forget() };
    },
    close: async () => {
      for (const forget of mine) forget();
    },
  };
}
