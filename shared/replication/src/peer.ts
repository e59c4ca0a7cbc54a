/**
 * A peer: another replica, asked over HTTP for its vector and for rows that this one lacks.
 *
 * No row that it answers is believed: the form is checked by zod, every event by its own link, and the amount is
 * bounded. Where an answer is not as it should be, the peer counts as one that did not answer.
 */
import { z } from 'zod';
import type { Chain } from './chain.ts';
import type { ChangeEvent } from './change-event.ts';
import { errorText, ReplicationError } from './errors.ts';
import type { Limits } from './limits.ts';
import type { Logged } from './logged.ts';
import { isOrigin } from './origin.ts';
import type { Vector } from './origins.ts';

/** Another replica. Calls throw `peer-failed` (retryable) where it does not answer as it should. */
export interface Peer {
  /** What it holds. */
  vector(): Promise<Vector>;
  /** What it has seen in the log, and where it stands there; it is believed, as nothing proves it. */
  logged(): Promise<Logged>;
  /** Events of an origin after `after`, in order, links verified; empty where it has none. */
  changes(origin: string, after: number): Promise<ChangeEvent[]>;
  /** A snapshot of it as bytes; the receiver checks them. Fails where nothing arrives for some seconds, or all of it takes too long. */
  snapshot(): AsyncIterable<Uint8Array>;
}

/** Makes a peer from the URL that it announced. */
export type CallPeer = (url: string) => Peer;

/** Rows asked for at a time. */
const PAGE_ROWS = 200;

/** Longest wait for one answer, in milliseconds. */
const ANSWER_MS = 5000;

/** Longest wait for a snapshot to begin, in milliseconds: the copy is made first. */
const BEGIN_MS = 120_000;

/** Largest answer, in bytes: a page of the largest rows in base64. */
const MAX_ANSWER_BYTES = 32 * 1024 * 1024;

const hexLink = z.string().regex(/^[0-9a-f]{64}$/);
const vectorAnswer = z.object({
  vector: z.record(z.string().refine(isOrigin), z.object({ seq: z.int().min(1), chain: hexLink })),
});
const loggedAnswer = z.object({
  positions: z.array(
    z.object({
      partition: z.int().min(0),
      next: z.int().min(0),
      bookmark: z.object({ offset: z.int().min(0), fingerprint: hexLink }).nullable(),
    }),
  ),
  published: z.record(z.string().refine(isOrigin), z.int().min(1)),
});
const changesAnswer = z.object({
  events: z
    .array(
      z.object({
        seq: z.int().min(1),
        schemaVersion: z.int().min(1).max(0xffff_ffff),
        table: z.string().regex(/^[a-z][a-z0-9_]{0,47}$/),
        previous: hexLink,
        chain: hexLink,
        value: z.base64(),
      }),
    )
    .max(PAGE_ROWS),
});

/** How long a snapshot may be on its way. */
export type SnapshotLimits = Pick<Limits, 'snapshotStallMs' | 'snapshotTotalMs'>;

/** Peers over HTTP. */
export function httpPeers({ chain, limits }: { chain: Chain; limits: SnapshotLimits }): CallPeer {
  return (url) => ({
    vector: async () => (await ask(new URL('/replication/vector', url), vectorAnswer)).vector,

    logged: () => ask(new URL('/replication/logged', url), loggedAnswer),

    async changes(origin, after) {
      const target = new URL('/replication/changes', url);
      target.search = new URLSearchParams({
        origin,
        after: String(after),
        limit: String(PAGE_ROWS),
      }).toString();
      const { events } = await ask(target, changesAnswer);
      return events.map(({ seq, schemaVersion, table, previous, chain: link, value }) => {
        const event = {
          origin,
          seq,
          schemaVersion,
          table,
          previous: Buffer.from(previous, 'hex'),
          chain: Buffer.from(link, 'hex'),
          bytes: Buffer.from(value, 'base64'),
        };
        if (!chain.verify(event.chain, event.previous, event)) {
          throw failed(target, `row ${seq} of ${origin} does not verify`);
        }
        return event;
      });
    },

    snapshot: () => download(new URL('/replication/snapshot', url), limits),
  });
}

/** The parts of an answer as they arrive; the first one may take longer, as the copy is made first. */
async function* download(target: URL, limits: SnapshotLimits): AsyncGenerator<Uint8Array> {
  const { snapshotStallMs, snapshotTotalMs } = limits;
  const abort = new AbortController();
  const total = setTimeout(
    () => abort.abort(new Error(`its snapshot is not here after ${snapshotTotalMs} ms`)),
    snapshotTotalMs,
  );
  let timer = setTimeout(() => abort.abort(new Error('it takes too long to begin')), BEGIN_MS);
  try {
    const answer = await fetch(target, { signal: abort.signal, redirect: 'error' });
    if (!answer.ok || !answer.body) throw new Error(`it answered ${answer.status}`);
    for await (const part of answer.body) {
      clearTimeout(timer);
      yield part;
      timer = setTimeout(() => abort.abort(new Error('nothing arrives any more')), snapshotStallMs);
    }
  } catch (error) {
    throw failed(target, errorText(error), error);
  } finally {
    clearTimeout(timer);
    clearTimeout(total);
    abort.abort();
  }
}

async function ask<T>(target: URL, schema: z.ZodType<T>): Promise<T> {
  try {
    const answer = await fetch(target, { signal: AbortSignal.timeout(ANSWER_MS), redirect: 'error' });
    if (!answer.ok) throw new Error(`it answered ${answer.status}`);
    return schema.parse(JSON.parse(await readBounded(answer)));
  } catch (error) {
    throw failed(
      target,
      error instanceof z.ZodError ? 'its answer has another form' : errorText(error),
      error,
    );
  }
}

async function readBounded(answer: Response): Promise<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of answer.body ?? []) {
    bytes += part.byteLength;
    if (bytes > MAX_ANSWER_BYTES) throw new Error(`its answer is larger than ${MAX_ANSWER_BYTES} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

function failed(target: URL, why: string, cause?: unknown): ReplicationError {
  return new ReplicationError({
    code: 'peer-failed',
    message: `The peer at ${target.origin} is of no help: ${why}.`,
    hint: 'Another peer is asked, or this one again later.',
    isRetryable: true,
    cause,
  });
}
