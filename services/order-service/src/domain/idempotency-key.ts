/**
 * Idempotency keys: how a client repeats an order without ordering twice.
 *
 * The id of a keyed order is derived from user and key, so replicas that accept the same retry at once agree on one
 * order without asking each other, and the order itself is the memory of its key: nothing else is stored, and a key
 * lives as long as its order.
 */
import { createHash } from 'node:crypto';

/** A key as a client sends it: 1 to 128 printable ASCII characters. */
export const IDEMPOTENCY_KEY = /^[\x20-\x7e]{1,128}$/;

/** A request with this key is still at work on this replica; its outcome is not known yet. */
export class KeyStillRunning extends Error {
  constructor() {
    super('A request with this Idempotency-Key is still running.');
  }
}

/** The key stands for an order that says something else; `token` names that order, which the client now knows of. */
export class KeyUsedOtherwise extends Error {
  readonly token: string | undefined;

  constructor(token: string | undefined) {
    super('This Idempotency-Key was used for an order with another body.');
    this.token = token;
  }
}

/**
 * The id of the order that a user places with a key: a UUID of version 8 (RFC 9562), made of a SHA-256 over both. It
 * never equals the id of an order without a key, which is of version 7. It does not sort by time.
 */
export function orderIdOf({ userId, key }: { userId: string; key: string }): string {
  // A user id holds no line feed, so no two pairs give the same text.
  const bytes = createHash('sha256').update(`dbsync order 1\n${userId}\n${key}`).digest().subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** Ids of keyed orders that this process is placing; as many as there are requests under way. */
export class RunningKeys {
  readonly #orderIds = new Set<string>();

  /** Runs `place` unless the same id is being placed. @throws KeyStillRunning */
  async alone<T>(orderId: string, place: () => Promise<T>): Promise<T> {
    if (this.#orderIds.has(orderId)) throw new KeyStillRunning();
    this.#orderIds.add(orderId);
    try {
      return await place();
    } finally {
      this.#orderIds.delete(orderId);
    }
  }
}
