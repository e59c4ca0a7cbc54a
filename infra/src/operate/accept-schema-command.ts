/**
 * `dbsync accept-schema`: an upgrade does not wait any longer for replicas of an older build.
 */
import { z } from 'zod';
import type { OperatorCommand } from './operator.ts';
import { callReplica } from './operator-call.ts';

const answer = z.object({ schemaVersion: z.int() });

/** Tells every replica, one after the other; each remembers it in its database. */
export const acceptSchemaCommand: OperatorCommand = async ({ replicas, isJson, print }) => {
  for (const { url } of replicas) {
    const { schemaVersion } = await callReplica({
      url,
      path: '/replication/accept-schema',
      method: 'POST',
      answer,
    });
    print(isJson ? JSON.stringify({ url, schemaVersion }) : `${url}  writes schema version ${schemaVersion}`);
  }
  return 0;
};
