/**
 * Discovery without announcements: addresses from the configuration or from DNS, each asked for its status once a
 * second.
 *
 * The status says what an announcement would. An address that does not answer it stays in the list as `unknown`
 * (calls tell whether it serves); one that did and has been silent for five seconds is `silent`, and comes after
 * everybody else. While DNS does not answer, the last known addresses stay.
 */
import { lookup } from 'node:dns/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '@dbsync/service-kit';
import { z } from 'zod';
import { byReplicaId, type Discovery, type KnownReplica } from './known-replica.ts';

const LOOK_EVERY_MS = 1_000;
const ANSWER_MS = 1_000;
/** How long a look at the addresses may take, in milliseconds: silence of replicas is counted meanwhile. */
const LOOKUP_MS = 2_000;
const SILENCE_MS = 5_000;
/** The vector names living runs only, a status is some kilobytes. */
const MAX_STATUS_BYTES = 1024 * 1024;

const statusSchema = z.object({
  replicaId: z.string().min(1).max(64),
  origin: z.string().min(1).max(128),
  state: z.enum(['starting', 'bootstrapping', 'catching-up', 'live', 'relinking', 'stopped']),
  vector: z.record(z.string(), z.object({ seq: z.int().min(0) })),
  ended: z.object({ latest: z.record(z.string(), z.int().min(0)).default({}) }),
  lag: z.object({ ms: z.number().min(0).nullable() }),
  writable: z.boolean(),
});

/** How addresses are found and asked. */
export interface ProbedOptions {
  readonly kind: 'fixed' | 'dns';
  /** The addresses now, scheme, host and port each. May fail; the last ones stay then. */
  readonly urls: () => Promise<readonly string[]>;
  readonly logger: Logger;
  /** False: the addresses belong to a service that has no status; they are never asked. Default: true. */
  readonly hasStatus?: boolean;
}

interface Probed {
  known: KnownReplica;
  heardAtMs: number | null;
}

/** Addresses at hand: one entry each, in the order of the configuration. */
export function fixedUrls(urls: readonly string[]): () => Promise<readonly string[]> {
  return async () => urls;
}

/** An address as a resolver gives it. */
interface FoundAddress {
  readonly address: string;
  readonly family: number;
}

/** Every address behind a name, such as a headless service's. `resolve`: the system's resolver, unless given. */
export function dnsUrls(options: {
  readonly name: string;
  readonly port: number;
  readonly resolve?: (name: string) => Promise<readonly FoundAddress[]>;
}): () => Promise<readonly string[]> {
  const { name, port, resolve = (host) => lookup(host, { all: true }) } = options;
  return async () => {
    const found = await resolve(name);
    return found.map(({ address, family }) => `http://${family === 6 ? `[${address}]` : address}:${port}`);
  };
}

/** A discovery that asks addresses. */
export class ProbedReplicas implements Discovery {
  readonly kind: string;
  readonly #options: ProbedOptions;
  #probed = new Map<string, Probed>();
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();
  #isStopped = false;
  #isFailing = false;

  constructor(options: ProbedOptions) {
    this.#options = options;
    this.kind = options.kind;
  }

  start(): void {
    this.#looking = this.#look();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await this.#looking;
  }

  replicas(): readonly KnownReplica[] {
    const now = performance.now();
    return [...this.#probed.values()]
      .map(({ known, heardAtMs }): KnownReplica => {
        const isSilent = heardAtMs !== null && now - heardAtMs > SILENCE_MS;
        return isSilent ? { ...known, state: 'silent' } : known;
      })
      .sort(byReplicaId);
  }

  async #look(): Promise<void> {
    await this.#find();
    if (this.#options.hasStatus ?? true)
      await Promise.all([...this.#probed.keys()].map((url) => this.#ask(url)));
    if (this.#isStopped) return;
    this.#timer = setTimeout(() => {
      this.#looking = this.#look();
    }, LOOK_EVERY_MS);
    this.#timer.unref();
  }

  async #find(): Promise<void> {
    try {
      const urls = [...new Set(await inTime(this.#options.urls()))];
      this.#probed = new Map(urls.map((url) => [url, this.#probed.get(url) ?? unheard(url)]));
      this.#isFailing = false;
    } catch (err) {
      if (!this.#isFailing) this.#options.logger.warn({ err }, 'addresses of replicas cannot be looked up');
      this.#isFailing = true;
    }
  }

  async #ask(url: string): Promise<void> {
    try {
      const answer = await fetch(`${url}/replication/status`, {
        redirect: 'manual',
        signal: AbortSignal.timeout(ANSWER_MS),
      });
      const text = await answer.text();
      if (answer.status !== 200 || text.length > MAX_STATUS_BYTES) return;
      const known = toKnown(url, statusSchema.parse(JSON.parse(text)));
      if (this.#probed.has(url)) this.#probed.set(url, { known, heardAtMs: performance.now() });
    } catch {
      // Silence is what counts, and `replicas` tells it.
    }
  }
}

async function inTime<T>(looking: Promise<T>): Promise<T> {
  const isOver = new AbortController();
  const late = delay(LOOKUP_MS, undefined, { signal: isOver.signal }).then((): never => {
    throw new Error(`no answer within ${LOOKUP_MS} ms`);
  });
  return Promise.race([looking, late]).finally(() => isOver.abort());
}

function unheard(url: string): Probed {
  const known: KnownReplica = {
    replicaId: new URL(url).host,
    url,
    state: 'unknown',
    origin: null,
    lagMs: null,
    isWritable: true,
    vector: new Map(),
  };
  return { known, heardAtMs: null };
}

function toKnown(url: string, status: z.output<typeof statusSchema>): KnownReplica {
  const { replicaId, origin, state, writable } = status;
  const current = Object.entries(status.vector).map(([name, { seq }]): [string, number] => [name, seq]);
  const vector = new Map([...Object.entries(status.ended.latest), ...current]);
  return { replicaId, url, state, origin, lagMs: status.lag.ms, isWritable: writable, vector };
}
