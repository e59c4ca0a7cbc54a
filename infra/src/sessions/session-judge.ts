/**
 * The judge of sessions: what each client was told, in the order in which it was told it, and what is there at the end.
 *
 * Knows no HTTP and no replicas. A client sees its own writes, never sees an order disappear, and gets one order a
 * key; at the end every answered order is there, and nothing that nobody asked for.
 */

/** One thing that a client was told. `userId` is whose orders it was about. */
export type SessionEvent =
  | { readonly kind: 'asked'; readonly userId: string; readonly key: string }
  | { readonly kind: 'placed'; readonly userId: string; readonly key: string; readonly orderId: string }
  | { readonly kind: 'read'; readonly userId: string; readonly orderIds: readonly string[] };

/** An order as it stands at the end; its product is named after the key. */
export interface FinalOrder {
  readonly orderId: string;
  readonly key: string;
}

/** One broken promise. */
export interface SessionBreach {
  readonly kind:
    | 'own write missed'
    | 'went back'
    | 'two orders for a key'
    | 'lost'
    | 'phantom'
    | 'another answer';
  readonly what: string;
}

/** Judges the history of one client, which does one thing after the other. */
export function judgeSession(client: string, history: readonly SessionEvent[]): SessionBreach[] {
  const breaches: SessionBreach[] = [];
  const owed = new Map<string, Map<string, SessionBreach['kind']>>();
  const answers = new Map<string, string>();
  for (const [index, event] of history.entries()) {
    const of = owed.get(event.userId) ?? new Map<string, SessionBreach['kind']>();
    owed.set(event.userId, of);
    const at = `${client}, event ${index}`;
    if (event.kind === 'placed') {
      const before = answers.get(event.key);
      if (before !== undefined && before !== event.orderId) {
        breaches.push({
          kind: 'another answer',
          what: `${at}: ${event.key} was ${before}, then ${event.orderId}`,
        });
      }
      answers.set(event.key, event.orderId);
      if (!of.has(event.orderId)) of.set(event.orderId, 'own write missed');
    }
    if (event.kind !== 'read') continue;
    const shown = new Set(event.orderIds);
    for (const [orderId, kind] of of) {
      if (!shown.has(orderId))
        breaches.push({ kind, what: `${at}: ${orderId} of ${event.userId} is not shown` });
    }
    for (const orderId of shown) of.set(orderId, 'went back');
  }
  return breaches;
}

/** Judges what is there at the end against what all clients were told. */
export function judgeEnd(
  histories: Iterable<readonly SessionEvent[]>,
  orders: readonly FinalOrder[],
): SessionBreach[] {
  const asked = new Set<string>();
  const answered = new Map<string, string>();
  for (const event of [...histories].flat()) {
    if (event.kind === 'asked') asked.add(event.key);
    if (event.kind === 'placed') answered.set(event.orderId, event.key);
  }
  const breaches: SessionBreach[] = [];
  const byKey = new Map<string, string>();
  const there = new Set(orders.map(({ orderId }) => orderId));
  for (const { orderId, key } of orders) {
    const other = byKey.get(key);
    if (other !== undefined)
      breaches.push({ kind: 'two orders for a key', what: `${key}: ${other}, ${orderId}` });
    byKey.set(key, orderId);
    if (!asked.has(key)) breaches.push({ kind: 'phantom', what: `${orderId} for ${key}` });
  }
  for (const [orderId, key] of answered) {
    if (!there.has(orderId)) breaches.push({ kind: 'lost', what: `${orderId} for ${key}` });
  }
  return breaches;
}
