/**
 * A link between one replica and the broker that can be made bad: everything the replica says to Kafka goes through.
 *
 * What a link holds back it delivers later, as TCP does; nothing is lost inside a connection. What it did is counted,
 * because a fault that was not seen to take hold proves nothing.
 */
import { once } from 'node:events';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { SeededRandom } from './seeded-random.ts';

/** How a link treats what goes through it. */
export type LinkMode =
  | { readonly kind: 'open' }
  /** Connections are cut, and new ones reset. */
  | { readonly kind: 'refusing' }
  /** Connections stay, and nothing arrives: requests, answers, or both. */
  | { readonly kind: 'holding'; readonly what: 'requests' | 'answers' | 'both' }
  | { readonly kind: 'slow'; readonly delayMs: number }
  /** One bit changes near rows in answers, in `left` of them. */
  | { readonly kind: 'flipping'; readonly left: number; readonly random: SeededRandom };

/** What a link has done since its start. */
export interface LinkCounters {
  passedBytes: number;
  cutConnections: number;
  refusedConnections: number;
  heldChunks: number;
  delayedChunks: number;
  flippedBits: number;
}

type Direction = 'requests' | 'answers';

/** Where a row begins in an answer of the broker: the name of a column in its canonical bytes. */
const rowMark = Buffer.from('"product_id"');
/** How far from the mark a bit may change: the row's values, its headers and the lengths between them. */
const flipReach = { before: 60, behind: 40 } as const;

/** A TCP proxy on 127.0.0.1. */
export class Link {
  readonly port: number;
  readonly counters: LinkCounters = {
    passedBytes: 0,
    cutConnections: 0,
    refusedConnections: 0,
    heldChunks: 0,
    delayedChunks: 0,
    flippedBits: 0,
  };
  readonly #targetPort: number;
  readonly #server: Server;
  readonly #connections = new Set<() => void>();
  #mode: LinkMode = { kind: 'open' };
  #flipsLeft = 0;
  /** Resolves when the mode changes; those that hold something back look again then. */
  #changed = Promise.withResolvers<void>();

  private constructor(options: { readonly port: number; readonly targetPort: number }) {
    this.port = options.port;
    this.#targetPort = options.targetPort;
    this.#server = createServer((client) => this.#accept(client));
  }

  /** Listens on `port` for what goes to `targetPort`; nobody need listen there yet. */
  static async open(options: { readonly port: number; readonly targetPort: number }): Promise<Link> {
    const link = new Link(options);
    link.#server.listen({ host: '127.0.0.1', port: options.port });
    await once(link.#server, 'listening');
    return link;
  }

  /** Changes how it treats what goes through it from now on. */
  set(mode: LinkMode): void {
    this.#mode = mode;
    this.#flipsLeft = mode.kind === 'flipping' ? mode.left : 0;
    if (mode.kind === 'refusing') {
      this.counters.cutConnections += this.#connections.size;
      this.#cutAll();
    }
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  /** Cuts everything and stops listening. */
  async close(): Promise<void> {
    this.#cutAll();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #cutAll(): void {
    for (const cut of [...this.#connections]) cut();
  }

  #accept(client: Socket): void {
    if (this.#mode.kind === 'refusing') {
      this.counters.refusedConnections += 1;
      client.on('error', () => undefined);
      client.resetAndDestroy();
      return;
    }
    const broker = createConnection({ host: '127.0.0.1', port: this.#targetPort });
    const over = new AbortController();
    const end = (): void => {
      this.#connections.delete(end);
      over.abort();
      client.destroy();
      broker.destroy();
    };
    this.#connections.add(end);
    for (const socket of [client, broker]) {
      socket.setNoDelay(true);
      socket.on('error', end);
      socket.on('close', end);
    }
    void this.#pump({ from: client, to: broker, direction: 'requests', over: over.signal }).catch(end);
    void this.#pump({ from: broker, to: client, direction: 'answers', over: over.signal }).catch(end);
  }

  async #pump(way: {
    readonly from: Socket;
    readonly to: Socket;
    readonly direction: Direction;
    readonly over: AbortSignal;
  }): Promise<void> {
    for await (const chunk of way.from as AsyncIterable<Buffer>) {
      await this.#passage(way.direction, way.over);
      const sent = way.direction === 'answers' ? this.#flipped(chunk) : chunk;
      this.counters.passedBytes += sent.length;
      if (!way.to.write(sent)) await once(way.to, 'drain', { signal: way.over });
    }
    way.to.end();
  }

  /** Resolves when the next chunk of a direction may go on. Throws when the connection is over before that. */
  async #passage(direction: Direction, over: AbortSignal): Promise<void> {
    if (this.#mode.kind === 'slow') {
      this.counters.delayedChunks += 1;
      await pause(this.#mode.delayMs, undefined, { signal: over });
    }
    if (this.#isHeld(direction)) this.counters.heldChunks += 1;
    while (this.#isHeld(direction)) {
      await Promise.race([this.#changed.promise, once(over, 'abort')]);
      over.throwIfAborted();
    }
  }

  #isHeld(direction: Direction): boolean {
    return this.#mode.kind === 'holding' && (this.#mode.what === 'both' || this.#mode.what === direction);
  }

  #flipped(chunk: Buffer): Buffer {
    if (this.#mode.kind !== 'flipping' || this.#flipsLeft === 0) return chunk;
    const mark = chunk.indexOf(rowMark);
    if (mark < 0) return chunk;
    const { random } = this.#mode;
    const first = Math.max(0, mark - flipReach.before);
    const at = random.between(first, Math.min(chunk.length - 1, mark + flipReach.behind));
    const changed = Buffer.from(chunk);
    changed[at] = (changed[at] ?? 0) ^ (1 << random.between(0, 7));
    this.#flipsLeft -= 1;
    this.counters.flippedBits += 1;
    return changed;
  }
}
