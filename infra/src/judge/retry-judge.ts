/**
 * The judge of retries: what clients that repeat everything were told, and what the replicas hold at the end.
 *
 *   histories of clients, in the order in which each was told things + every row of every replica -> breaches
 *
 * Knows no HTTP and no replicas. Of one key there is one order: the row with the lowest (createdAt, origin, seq) is
 * shown, everybody was told its id, and whoever comes back with another body is refused. Clients are not told the
 * origin; it is looked up in the rows, so that of two rows of one instant the loser is known as well.
 */

/** What makes an order: whose key it was, and what was said. */
export interface KeyedBody {
  readonly key: string;
  readonly body: string;
}

/** An order as a client sees it. */
export interface SeenOrder extends KeyedBody {
  readonly orderId: string;
  readonly createdAt: string;
}

/** One thing that a client did or was told. */
export type RetryEvent =
  | ({ readonly kind: 'asked' } & KeyedBody)
  | ({ readonly kind: 'placed' } & SeenOrder)
  | ({ readonly kind: 'refused' } & KeyedBody)
  | { readonly kind: 'read'; readonly orders: readonly SeenOrder[] };

/** A row of a replica, superseded or not. */
export interface HeldOrder extends SeenOrder {
  readonly origin: string;
  readonly seq: number;
  readonly isSuperseded: boolean;
}

/** A replica when all is quiet: its rows, and what it shows. */
export interface QuietReplica {
  readonly name: string;
  readonly rows: readonly HeldOrder[];
  readonly shown: readonly SeenOrder[];
}

/** One broken promise. */
export interface RetryBreach {
  readonly kind:
    | 'two ids for a key'
    | 'two orders shown'
    | 'own write missed'
    | 'went back'
    | 'wrongly refused'
    | 'refused for nothing shown'
    | 'lost'
    | 'phantom'
    | 'wrong winner'
    | 'shows another'
    | 'replicas differ'
    | 'loser accepted'
    | 'winner refused';
  readonly what: string;
}

type Report = (kind: RetryBreach['kind'], what: string) => void;

/**
 * Judges the histories; `after` is one more, of retries that were sent when all was quiet, each body of each key to
 * every replica.
 */
export function judgeRetries(input: {
  readonly histories: ReadonlyMap<string, readonly RetryEvent[]>;
  readonly replicas: readonly QuietReplica[];
  readonly after: readonly RetryEvent[];
}): RetryBreach[] {
  const breaches: RetryBreach[] = [];
  const report: Report = (kind, what) => void breaches.push({ kind, what });
  const told = [...input.histories.values()].flat();
  const asked = Map.groupBy(
    told.filter((event) => event.kind === 'asked'),
    ({ key }) => key,
  );
  judgeIds([...told, ...input.after], report);
  const places = placesOf(input.replicas);
  for (const [client, history] of input.histories) judgeClient(client, history, { asked, places, report });
  for (const replica of input.replicas) judgeReplica(replica, { told, asked, report });
  judgeEquality(input.replicas, report);
  const winners = new Map(input.replicas[0]?.shown.map((order) => [order.key, order]));
  judgeAfter(input.after, { winners, report });
  return breaches;
}

/** Everybody is told and shown one id for a key, whichever replica answers. */
function judgeIds(events: readonly RetryEvent[], report: Report): void {
  const ids = new Map<string, string>();
  for (const { key, orderId } of events.flatMap(ordersIn)) {
    const before = ids.get(key) ?? orderId;
    if (before !== orderId) report('two ids for a key', `${key}: ${before}, ${orderId}`);
    ids.set(key, before);
  }
}

/** The orders that an event told of. */
function ordersIn(event: RetryEvent): readonly SeenOrder[] {
  if (event.kind === 'placed') return [event];
  return event.kind === 'read' ? event.orders : [];
}

/** A client sees its own writes and the order that it was refused for, nothing that it saw goes away, and an order only gives way to an earlier one. */
function judgeClient(
  client: string,
  history: readonly RetryEvent[],
  {
    asked,
    places,
    report,
  }: { asked: ReadonlyMap<string, readonly KeyedBody[]>; places: Places; report: Report },
): void {
  const refused = new Set<string>();
  const owed = new Map<string, { order: SeenOrder; kind: 'own write missed' | 'went back' }>();
  const owe = (order: SeenOrder, kind: 'own write missed' | 'went back'): void => {
    const before = owed.get(order.key);
    if (before === undefined || kind === 'went back' || isAfter(before.order, order, places))
      owed.set(order.key, { order, kind });
  };
  for (const [index, event] of history.entries()) {
    const at = `${client}, event ${index}`;
    if (event.kind === 'placed') owe(event, 'own write missed');
    if (event.kind === 'refused') {
      refused.add(event.key);
      const hasOther = asked.get(event.key)?.some(({ body }) => body !== event.body) ?? false;
      if (!hasOther) report('wrongly refused', `${at}: nobody said anything else for ${event.key}`);
    }
    if (event.kind !== 'read') continue;
    const shown = onePerKey(event.orders, at, report);
    for (const [key, { order, kind }] of owed) {
      const now = shown.get(key);
      if (now === undefined) report(kind, `${at}: ${key} is not shown`);
      else if (isAfter(now, order, places))
        report(kind, `${at}: ${describe(now)} is shown, after ${describe(order)}`);
    }
    for (const key of refused) {
      if (!owed.has(key) && !shown.has(key)) report('refused for nothing shown', `${at}: ${key}`);
    }
    for (const order of shown.values()) owe(order, 'went back');
  }
}

type Places = ReadonlyMap<string, readonly HeldOrder[]>;

/** The rows that an order may have been, in their order: two replicas may have taken the same at the same instant. */
function placesOf(replicas: readonly QuietReplica[]): Places {
  return Map.groupBy(replicas.flatMap(({ rows }) => rows).toSorted(byPlace), (row) => describe(row));
}

/** True when `order` comes after `other` by the rule of the replicas, whichever of their rows the two were. */
function isAfter(order: SeenOrder, other: SeenOrder, places: Places): boolean {
  const first = places.get(describe(order))?.at(0);
  const last = places.get(describe(other))?.at(-1);
  // One that no row holds is reported as lost; its time says something all the same.
  if (first === undefined || last === undefined) return order.createdAt > other.createdAt;
  return byPlace(first, last) > 0;
}

/** What is shown is the lowest row of its key; what was told or shown is held; nothing is there that nobody said. */
function judgeReplica(
  { name, rows, shown }: QuietReplica,
  known: { told: readonly RetryEvent[]; asked: ReadonlyMap<string, readonly KeyedBody[]>; report: Report },
): void {
  const { told, asked, report } = known;
  const byKey = Map.groupBy(rows, ({ key }) => key);
  for (const [key, held] of byKey) {
    const [lowest, ...others] = held.toSorted(byPlace);
    if (lowest?.isSuperseded || others.some(({ isSuperseded }) => !isSuperseded))
      report('wrong winner', `${name}: of ${key}, not the lowest row alone is unmarked`);
    for (const { body } of held) {
      if (!asked.get(key)?.some((said) => said.body === body))
        report('phantom', `${name}: ${body} for ${key}`);
    }
  }
  const once = onePerKey(shown, name, report);
  for (const key of new Set([...once.keys(), ...byKey.keys()])) {
    const winner = rows.find((row) => row.key === key && !row.isSuperseded);
    if (describe(once.get(key)) !== describe(winner))
      report('shows another', `${name}: ${key} as ${describe(once.get(key))}, held ${describe(winner)}`);
  }
  const held = new Set(rows.map(describe));
  for (const what of new Set(told.flatMap(ordersIn).map(describe))) {
    if (!held.has(what)) report('lost', `${name}: ${what}`);
  }
}

function judgeEquality([first, ...others]: readonly QuietReplica[], report: Report): void {
  const text = (replica: QuietReplica | undefined): string =>
    JSON.stringify(replica?.rows.map((row) => `${describe(row)} ${row.origin} ${row.seq}`).toSorted());
  for (const other of others) {
    if (text(other) !== text(first)) report('replicas differ', `${first?.name} and ${other.name}`);
  }
}

/** When the rows have met, the winner's body is answered with the winner, and every other one is refused. */
function judgeAfter(
  after: readonly RetryEvent[],
  { winners, report }: { winners: ReadonlyMap<string, SeenOrder>; report: Report },
): void {
  for (const event of after) {
    if (event.kind !== 'placed' && event.kind !== 'refused') continue;
    const winner = winners.get(event.key);
    const isWinners = winner?.body === event.body;
    if (event.kind === 'refused' && isWinners) report('winner refused', `${event.key}: ${event.body}`);
    if (event.kind === 'placed' && describe(event) !== describe(winner))
      report('loser accepted', `${describe(event)}, where ${describe(winner)} is shown`);
  }
}

function onePerKey(orders: readonly SeenOrder[], at: string, report: Report): Map<string, SeenOrder> {
  const shown = new Map<string, SeenOrder>();
  for (const order of orders) {
    if (shown.has(order.key)) report('two orders shown', `${at}: ${order.key}`);
    shown.set(order.key, order);
  }
  return shown;
}

/** The rule of the replicas: the lowest (createdAt, origin, seq). */
function byPlace(a: HeldOrder, b: HeldOrder): number {
  if (a.createdAt !== b.createdAt) return a.createdAt < b.createdAt ? -1 : 1;
  if (a.origin !== b.origin) return a.origin < b.origin ? -1 : 1;
  return a.seq - b.seq;
}

function describe(order: SeenOrder | undefined): string {
  return order === undefined ? 'nothing' : `${order.key} ${order.body} ${order.orderId} ${order.createdAt}`;
}
