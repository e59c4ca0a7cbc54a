/**
 * What operators, other replicas and `verify` ask a replica about: status, vector, changes, digest.
 */
import { pipeline } from 'node:stream/promises';
import type { DeepCheck, Replica, StoredEvent } from '@dbsync/replication';
import { isOrigin, snapshotBytes } from '@dbsync/replication';
import { resource, validParameters } from '@dbsync/service-kit';
import type { Express } from 'express';
import { z } from 'zod';

const MAX_CHANGES = 500;

const changesQuery = z.strictObject({
  origin: z.string({ error: 'must be given once' }).refine(isOrigin, 'must be the name of an origin'),
  after: wholeNumber({ min: 0, max: Number.MAX_SAFE_INTEGER }).default(0),
  limit: wholeNumber({ min: 1, max: MAX_CHANGES }).default(100),
});
const digestQuery = z.strictObject({ deep: z.enum(['', '0', '1', 'true', 'false']).optional() });

/** Adds the routes to the app. */
export function replicationRoutes(app: Express, replica: Replica): void {
  resource(app, '/replication/status', {
    get: async (_req, res) => void res.json(await replica.status()),
  });

  resource(app, '/replication/vector', {
    get: (_req, res) => void res.json({ vector: replica.vector(), digest: replica.digest() }),
  });

  resource(app, '/replication/logged', {
    get: (_req, res) => void res.json(replica.logged()),
  });

  resource(app, '/replication/changes', {
    get: async (req, res) => {
      const { origin, after, limit } = validParameters(changesQuery, req.query);
      const events = await replica.changes(origin, { after, limit });
      res.json({ origin, after, events: events.map(toJson) });
    },
  });

  resource(app, '/replication/snapshot', {
    get: async (_req, res) => {
      const snapshot = await replica.snapshot();
      try {
        // Whoever takes nothing any more, or next to nothing, must not keep the copy from others.
        const { snapshotStallMs, snapshotTotalMs } = replica.limits;
        res.setTimeout(snapshotStallMs, () => void res.destroy());
        res.type('application/vnd.dbsync.snapshot');
        await pipeline(snapshotBytes(snapshot), res, { signal: AbortSignal.timeout(snapshotTotalMs) });
      } catch (error) {
        // The receiver left, or the file could not be read; the answer has begun, so cutting it off says so.
        if (!res.headersSent) throw error;
        res.destroy();
      } finally {
        await snapshot.remove();
      }
    },
  });

  const deep = oneAtATime(() => replica.deepCheck());
  resource(app, '/replication/digest', {
    get: async (req, res) => {
      const { deep: asked } = validParameters(digestQuery, req.query);
      const isDeep = asked !== undefined && asked !== '0' && asked !== 'false';
      res.json(isDeep ? await deep() : { digest: replica.digest(), rows: (await replica.status()).rows });
    },
  });
}

/** An event as JSON; `value` holds the canonical bytes, which are text. */
function toJson(event: StoredEvent): object {
  return {
    seq: event.seq,
    schemaVersion: event.schemaVersion,
    table: event.table,
    previous: event.previous.toString('hex'),
    chain: event.chain.toString('hex'),
    value: event.bytes.toString('base64'),
  };
}

/** A deep check reads every row: whoever asks while one runs gets that one's answer. */
function oneAtATime(check: () => Promise<DeepCheck>): () => Promise<DeepCheck> {
  let running: Promise<DeepCheck> | undefined;
  return () => {
    running ??= check().finally(() => {
      running = undefined;
    });
    return running;
  };
}

function wholeNumber(bounds: { min: number; max: number }) {
  return z
    .string({ error: 'must be given once' })
    .regex(/^\d{1,16}$/, `must be a whole number ${bounds.min}..${bounds.max}`)
    .transform(Number)
    .pipe(z.int().min(bounds.min).max(bounds.max));
}
