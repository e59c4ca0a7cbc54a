/**
 * Operators' routes: records in quarantine, hidden rows, and the word that a log is to be accepted.
 *
 * Looking is for everybody who reaches the service; what changes something is for this machine only.
 */
import type { Replica } from '@dbsync/replication';
import { Problem, resource, validParameters } from '@dbsync/service-kit';
import type { Express, Request } from 'express';
import { z } from 'zod';

const entryId = z
  .string({ error: 'must be given once' })
  .regex(/^\d{1,15}$/, 'must be the number of an entry')
  .transform(Number);
const listQuery = z.strictObject({ after: entryId.default(0) });
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

/** What changes a replica's mind is for those on its own machine. */
function assertLoopback(req: Request): void {
  const address = req.socket.remoteAddress ?? '';
  if (/^(::ffff:)?127\./.test(address) || address === '::1') return;
  throw new Problem({ status: 403, detail: 'Only from the machine that this replica runs on.' });
}
