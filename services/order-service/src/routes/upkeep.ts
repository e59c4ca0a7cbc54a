/**
 * Operators' routes: records in quarantine, hidden rows, replicas that are gone for good, and the words that accept a
 * log or a schema version.
 *
 * Looking is for everybody who reaches the service; what changes something is for this machine only.
 */
import { REPLICA_ID, type Replica } from '@dbsync/replication';
import { Problem, resource, validParameters } from '@dbsync/service-kit';
import type { Express, Request } from 'express';
import { z } from 'zod';

const entryId = z
  .string({ error: 'must be given once' })
  .regex(/^\d{1,15}$/, 'must be the number of an entry')
  .transform(Number);
const listQuery = z.strictObject({ after: entryId.default(0) });
const replicaParameters = z.strictObject({ replicaId: z.string().regex(REPLICA_ID, 'must be a replica id') });
const entryParameters = z.strictObject({ id: entryId });

/** Adds the routes to the app. */
export function upkeepRoutes(app: Express, replica: Replica): void {
  const { upkeep } = replica;
  resource(app, '/replication/quarantine', {
    get: async (req, res) => {
      const { after } = validParameters(listQuery, req.query);
      res.json(await upkeep.quarantine(after));
    },
  });

  resource(app, '/replication/quarantine/:id', {
    get: async (req, res) => {
      const { id } = validParameters(entryParameters, req.params);
      const record = await upkeep.quarantined(id);
      if (!record) throw notThere(id);
      res.json(record);
    },
    delete: async (req, res) => {
      assertLoopback(req);
      const { id } = validParameters(entryParameters, req.params);
      if (!(await upkeep.discard(id))) throw notThere(id);
      res.status(204).end();
    },
  });

  resource(app, '/replication/hidden', {
    get: async (_req, res) => void res.json(await upkeep.hidden()),
  });

  resource(app, '/replication/hidden/recheck', {
    post: async (req, res) => {
      assertLoopback(req);
      res.json(await upkeep.recheck());
    },
  });

  resource(app, '/replication/removed', {
    get: (_req, res) => void res.json(replica.removed.list()),
  });

  resource(app, '/replication/removed/:replicaId', {
    put: async (req, res) => {
      assertLoopback(req);
      const { replicaId } = validParameters(replicaParameters, req.params);
      if (replica.isAlive(replicaId)) throw stillAlive(replicaId);
      await replica.removed.remove(replicaId);
      res.status(204).end();
    },
    delete: async (req, res) => {
      assertLoopback(req);
      const { replicaId } = validParameters(replicaParameters, req.params);
      await replica.removed.restore(replicaId);
      res.status(204).end();
    },
  });

  resource(app, '/replication/accept-schema', {
    post: async (req, res) => {
      assertLoopback(req);
      res.json(await replica.acceptSchema());
    },
  });

  resource(app, '/replication/accept-log', {
    post: (req, res) => {
      assertLoopback(req);
      replica.acceptLog();
      res.status(202).json({ accepted: true });
    },
  });
}

function notThere(id: number): Problem {
  return new Problem({ status: 404, detail: `There is no record ${id} in quarantine.` });
}

function stillAlive(replicaId: string): Problem {
  return new Problem({
    status: 409,
    detail: `Replica ${replicaId} announces itself. Stop it first, if it is not to come back.`,
  });
}

/** What changes a replica's mind is for those on its own machine. */
function assertLoopback(req: Request): void {
  const address = req.socket.remoteAddress ?? '';
  if (/^(::ffff:)?127\./.test(address) || address === '::1') return;
  throw new Problem({ status: 403, detail: 'Only from the machine that this replica runs on.' });
}
