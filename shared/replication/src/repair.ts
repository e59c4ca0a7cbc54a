/**
 * Repair: what the log cannot give comes from the peers, and what the log lacks is given back to it.
 *
 *   stall      the peers are asked for the missing rows; when all of them answered that they have none, the stall is
 *              dismissed: still listed, asked again when a peer appears, holding up nothing. Rows that a peer has in
 *              a newer schema are not missing: they are waited for, until this build is upgraded
 *   difference when nothing lags and a peer's digest differs for three beats, vectors are compared and what it has
 *              more is fetched. So no hole stays unnoticed, whatever made it
 *   cut log    where retention has cut a log before it was read here, nothing in it tells whether rows were in what is
 *              gone: a peer that stands at the same place of the same log is asked what it has seen
 *   orphan     rows that no live replica minted and that the log lacks are published by whoever notices first,
 *              after a random delay; duplicates are harmless
 *
 * Every row goes through the applier, chain-checked like any other. A peer that does not answer is asked again. A visit
 * at one peer has an end, however many pages it has to give: what is left is fetched at another look.
 */
import type { Applier } from './applier.ts';
import { errorText, isReplicationError } from './errors.ts';
import type { NextStep } from './loop.ts';
import { digestOf, type Origins } from './origins.ts';
import type { CallPeer, Peer } from './peer.ts';
import type { Publisher } from './publisher.ts';
import type { LiveReplica, Registry } from './registry.ts';
import type { Surroundings } from './surroundings.ts';

/** How repair is put together. */
export interface RepairOptions {
  readonly own: string;
  readonly origins: Origins;
  readonly applier: Applier;
  readonly publisher: Publisher;
  readonly registry: Registry;
  readonly callPeer: CallPeer;
  readonly world: Surroundings;
  /** How long one visit may go on asking for pages, in milliseconds. */
  readonly visitMs: number;
  /** True while the replica is live, reads the log, and nothing lags. */
  readonly isQuiet: () => boolean;
  /** True where retention has cut the start of the log. */
  readonly isLogCut: () => boolean;
  /** True while the replica is live or relinking: stalls can be filled then. */
  readonly isRunning: () => boolean;
  readonly isCurrent: (origin: string) => boolean;
  /** A stall ended: its partition has to be read again. */
  readonly readAgain: () => void;
  readonly wakePublisher: () => void;
}

/** Time between two looks, in milliseconds. */
const LOOK_MS = 1000;

/** New beats in a row that must show another digest before vectors are compared. */
const BEATS = 3;

/** An orphan is published after this long at least, and at most three times as long, at random, in milliseconds. */
const ADOPT_MS = 2000;

/** A dismissed stall is asked for again after this long, in milliseconds. */
const ASK_AGAIN_MS = 60_000;

/** What one peer is asked in a row. No page is asked for after its end. */
interface Visit {
  readonly peer: Peer;
  /** Monotonic. */
  readonly endsAtMs: number;
}

/** Fills holes from peers and gives orphans back to the log. */
export class Repair {
  readonly #options: RepairOptions;
  /** Stalls that nobody could fill, with when and whom was asked. */
  readonly #dismissed = new Map<string, { atMs: number; peers: string }>();
  readonly #differences = new Map<string, { beat: number; count: number }>();
  readonly #adoptAtMs = new Map<string, number>();

  constructor(options: RepairOptions) {
    this.#options = options;
  }

  /** True for a stalled origin whose missing rows no known replica has. */
  isDismissed(origin: string): boolean {
    return this.#dismissed.has(origin);
  }

  /** One look around. */
  async step(): Promise<NextStep> {
    const { isRunning, isQuiet } = this.#options;
    if (!isRunning()) return LOOK_MS;
    const peers = this.#peers();
    await this.#fillStalls(peers);
    if (isQuiet()) {
      for (const peer of peers) await this.#compare(peer);
      // Before orphans are adopted: what was in the log is not published again.
      await this.#learnLogged(peers);
      this.#adoptOrphans();
    }
    return LOOK_MS;
  }

  async #fillStalls(peers: readonly LiveReplica[]): Promise<void> {
    const holes = this.#options.applier.stalls().filter(({ reason }) => reason === 'hole');
    const names = new Set(holes.map(({ origin }) => origin));
    for (const origin of this.#dismissed.keys()) if (!names.has(origin)) this.#dismissed.delete(origin);
    for (const { origin } of holes) if (this.#isWorthAsking(origin, peers)) await this.#fill(origin, peers);
  }

  #isWorthAsking(origin: string, peers: readonly LiveReplica[]): boolean {
    const dismissed = this.#dismissed.get(origin);
    if (!dismissed) return true;
    const isOld = this.#options.world.clock.monotonic() - dismissed.atMs > ASK_AGAIN_MS;
    return isOld || dismissed.peers !== namesOf(peers);
  }

  async #fill(origin: string, peers: readonly LiveReplica[]): Promise<void> {
    const { world } = this.#options;
    let answered = 0;
    for (const { url } of peers) {
      const applied = await this.#tryPeer(() => this.#fetch(this.#visit(url), origin));
      if (applied === undefined) continue;
      if (applied > 0 || this.#waitsForUpgrade(origin)) return;
      answered += 1;
    }
    if (peers.length === 0 || answered < peers.length) return;
    if (!this.#dismissed.has(origin)) {
      world.logger.warn(
        { origin, peers: peers.length },
        'a stall is dismissed: no known replica has the missing rows',
      );
    }
    this.#dismissed.set(origin, { atMs: world.clock.monotonic(), peers: namesOf(peers) });
  }

  /** True where the next row of an origin is known to be of a newer schema: asking for it is in vain. */
  #waitsForUpgrade(name: string): boolean {
    return this.#options.applier
      .stalls()
      .some(({ origin, reason }) => origin === name && reason === 'schema');
  }

  /** Compares with a peer once its beats have shown another digest for long enough. */
  async #compare(peer: LiveReplica): Promise<void> {
    const { announcement } = peer;
    const isPeerQuiet = announcement.state === 'live' && announcement.lag.records === 0;
    if (!isPeerQuiet || this.#isSame(peer)) {
      this.#differences.delete(peer.origin);
      return;
    }
    const seen = this.#differences.get(peer.origin) ?? { beat: 0, count: 0 };
    if (announcement.beat === seen.beat) return;
    const count = seen.count + 1;
    this.#differences.set(peer.origin, { beat: announcement.beat, count });
    if (count < BEATS) return;
    this.#differences.delete(peer.origin);
    await this.#tryPeer(() => this.#fetchDifferences(peer));
  }

  #isSame({ announcement }: LiveReplica): boolean {
    const { origins, isCurrent, publisher } = this.#options;
    const ended = digestOf(origins.vector((name) => !isCurrent(name)));
    if (announcement.ended.digest !== ended) return false;
    // Whole digests can be compared only while nobody writes.
    if (announcement.unpublished > 0 || publisher.unpublished() > 0) return true;
    return announcement.digest === digestOf(origins.vector());
  }

  async #fetchDifferences(live: LiveReplica): Promise<void> {
    const { origins, own, world } = this.#options;
    const visit = this.#visit(live.url);
    for (const [name, { seq, chain }] of Object.entries(await visit.peer.vector())) {
      if (world.clock.monotonic() >= visit.endsAtMs) return;
      const held = origins.get(name);
      if (name === own || seq < (held?.seq ?? 0) || this.#waitsForUpgrade(name)) continue;
      if (held && seq === held.seq) {
        if (chain !== held.chain.toString('hex')) {
          const fields = { origin: name, seq, peer: live.replicaId };
          world.logger.error(fields, 'two replicas hold different histories of one run; neither is changed');
        }
        continue;
      }
      const applied = await this.#fetch(visit, name);
      if (applied > 0)
        world.logger.info({ origin: name, applied, peer: live.replicaId }, 'rows came from a peer');
    }
  }

  #visit(url: string): Visit {
    const { callPeer, visitMs, world } = this.#options;
    return { peer: callPeer(url), endsAtMs: world.clock.monotonic() + visitMs };
  }

  /** Fetches and applies what the peer has more of an origin, a page at least; says how many rows that was. */
  async #fetch({ peer, endsAtMs }: Visit, origin: string): Promise<number> {
    const { applier, origins, readAgain, world } = this.#options;
    let total = 0;
    for (;;) {
      const events = await peer.changes(origin, origins.get(origin)?.seq ?? 0);
      const { applied, isRewound } = await applier.applyFromPeer(events);
      total += applied;
      if (isRewound) readAgain();
      // Ended by the end of what the peer has, or by rows that do not fit: either way it has nothing more for us.
      if (applied === 0 || world.clock.monotonic() >= endsAtMs) return total;
    }
  }

  /** Of runs minted here nobody else knows better, and what is adopted already is on its way. */
  async #learnLogged(peers: readonly LiveReplica[]): Promise<void> {
    const { applier, callPeer, isLogCut, origins, publisher, world } = this.#options;
    for (const { url, replicaId, announcement } of peers) {
      const names = origins
        .lackedByLog()
        .filter(({ isMinted, name }) => !isMinted && !publisher.hasAdopted(name))
        .map(({ name }) => name);
      if (names.length === 0 || !isLogCut()) return;
      if (announcement.state !== 'live') continue;
      const learned = await this.#tryPeer(async () =>
        applier.learnLogged(await callPeer(url).logged(), names),
      );
      if (learned)
        world.logger.info(
          { origins: learned, peer: replicaId },
          'a peer has seen in the log what is cut off',
        );
    }
  }

  #adoptOrphans(): void {
    const { origins, isCurrent, publisher, wakePublisher, world } = this.#options;
    const now = world.clock.monotonic();
    const orphans = origins.lackedByLog().filter(({ isMinted, name }) => !isMinted && !isCurrent(name));
    const names = new Set(orphans.map(({ name }) => name));
    for (const name of this.#adoptAtMs.keys()) if (!names.has(name)) this.#adoptAtMs.delete(name);
    for (const { name, seq, published } of orphans) {
      if (publisher.hasAdopted(name)) continue;
      const dueMs = this.#adoptAtMs.get(name);
      if (dueMs === undefined) {
        const [byte = 0] = world.random.bytes(1);
        this.#adoptAtMs.set(name, now + ADOPT_MS * (1 + (2 * byte) / 255));
      } else if (now >= dueMs) {
        world.logger.info(
          { origin: name, rows: seq - published },
          'publishing rows of a replica that is gone',
        );
        publisher.adopt(name);
        wakePublisher();
        // Another log later may lack it again.
        this.#adoptAtMs.delete(name);
      }
    }
  }

  /** A peer that fails is no reason to stop: undefined, and asked again later. */
  async #tryPeer<T>(ask: () => Promise<T>): Promise<T | undefined> {
    try {
      return await ask();
    } catch (error) {
      if (!isReplicationError(error, 'peer-failed', 'overloaded', 'database-busy', 'disk-full')) throw error;
      this.#options.world.logger.debug({ error: errorText(error) }, 'a peer could not help');
      return undefined;
    }
  }

  #peers(): LiveReplica[] {
    const { own, registry } = this.#options;
    return registry
      .live()
      .filter(({ origin, state }) => origin !== own && state !== 'stopped' && state !== 'starting');
  }
}

function namesOf(peers: readonly LiveReplica[]): string {
  return peers.map(({ origin }) => origin).join(' ');
}
