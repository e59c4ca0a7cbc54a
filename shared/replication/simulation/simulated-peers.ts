/**
 * Peers of a simulated cluster: replicas ask each other over the simulated network, by the URL that they announce.
 *
 * As over HTTP: every link is verified, an answer that takes too long counts as none, and a snapshot whose donor dies
 * ends in the middle.
 */
import type { Chain } from '../src/chain.ts';
import { ReplicationError } from '../src/errors.ts';
import type { CallPeer } from '../src/peer.ts';
import { snapshotBytes } from '../src/snapshot-stream.ts';
import type { Life } from './life.ts';
import type { Scheduler } from './scheduler.ts';
import type { SimulatedNetwork } from './simulated-network.ts';

/** Longest wait for one answer, in milliseconds. */
const ANSWER_MS = 5000;

/** Rows of one answer: few, so that a hole takes several. */
const PAGE_ROWS = 20;

/** Lives by URL. */
export class SimulatedPeers {
  readonly #lives = new Map<string, Life>();
  readonly #scheduler: Scheduler;
  readonly #network: SimulatedNetwork;
  readonly #chain: Chain;

  constructor(options: { scheduler: Scheduler; network: SimulatedNetwork; chain: Chain }) {
    this.#scheduler = options.scheduler;
    this.#network = options.network;
    this.#chain = options.chain;
  }

  /** From now on this life answers at its URL. */
  add(life: Life): void {
    this.#lives.set(life.url, life);
  }

  /** How one life asks the others. */
  callFrom(asking: Life): CallPeer {
    return (url) => ({
      vector: () => this.#ask(asking, url, async (peer) => peer.replica.vector()),
      logged: () => this.#ask(asking, url, async (peer) => peer.replica.logged()),
      changes: (origin, after) =>
        this.#ask(asking, url, async (peer) => {
          const events = await peer.replica.changes(origin, { after, limit: PAGE_ROWS });
          const isGenuine = events.every((event) => this.#chain.verify(event.chain, event.previous, event));
          if (!isGenuine) throw peerFailed(`${url} sent a row that does not verify`);
          return events;
        }),
      snapshot: () => this.#snapshot(asking, url),
    });
  }

  async *#snapshot(asking: Life, url: string): AsyncGenerator<Uint8Array> {
    const { taken, peer } = await this.#ask(asking, url, async (donor) => ({
      taken: await donor.replica.snapshot(),
      peer: donor,
    }));
    try {
      for await (const part of snapshotBytes(taken)) {
        await this.#scheduler.pause(asking, this.#network.delayMs(), 'receives a part of a snapshot');
        if (peer.isDead || peer.isCutOff || asking.isCutOff) throw peerFailed(`${url} sends no more`);
        yield part;
      }
    } finally {
      if (!peer.isDead) await taken.remove();
    }
  }

  async #ask<T>(asking: Life, url: string, work: (peer: ReadyLife) => Promise<T>): Promise<T> {
    await this.#scheduler.pause(asking, this.#network.delayMs(), 'asks a peer');
    const peer = this.#lives.get(url);
    if (!peer || !isReady(peer) || peer.isDead || peer.isCutOff || asking.isCutOff) {
      throw peerFailed(`nobody answers at ${url}`);
    }
    const answer = await new Promise<T>((resolve, reject) => {
      const late = (): void => reject(peerFailed(`${url} does not answer`));
      const cancel = this.#scheduler.schedule({
        owner: asking,
        afterMs: ANSWER_MS,
        label: 'waited too long',
        run: late,
      });
      const settle = (run: () => void): void => {
        cancel();
        run();
      };
      work(peer).then(
        (found) => settle(() => resolve(found)),
        (error: unknown) => settle(() => reject(peerFailed(`${url} answered with an error`, error))),
      );
    });
    await this.#scheduler.pause(asking, this.#network.delayMs(), 'hears from a peer');
    if (asking.isCutOff) throw peerFailed(`the answer of ${url} is lost`);
    return answer;
  }
}

type ReadyLife = Life & { readonly replica: NonNullable<Life['replica']> };

function isReady(life: Life): life is ReadyLife {
  return life.replica !== undefined;
}

function peerFailed(what: string, cause?: unknown): ReplicationError {
  return new ReplicationError({
    code: 'peer-failed',
    message: `Simulated peer: ${what}.`,
    hint: 'This is a simulation.',
    isRetryable: true,
    cause,
  });
}
