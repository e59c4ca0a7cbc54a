/**
 * `dbsync replica list|remove|restore`: replicas that will not come back, by the operator's word to all others.
 */
import { z } from 'zod';
import { InfraError } from '../infra-error.ts';
import { type Operator, type OperatorCommand, unknownWords } from './operator.ts';
import { callReplica } from './operator-call.ts';

/** Exit 0; refusals of a replica are errors. */
export const replicaCommand: OperatorCommand = async (operator) => {
  const [verb] = operator.words;
  if (verb === 'list') return list(operator);
  if (verb === 'remove') return tell(operator, 'PUT', 'counts as gone for good');
  if (verb === 'restore') return tell(operator, 'DELETE', 'may come back');
  throw unknownWords('replica', operator.words, 'replica list, replica remove ID, replica restore ID');
};

async function list({ replicas, isJson, print }: Operator): Promise<number> {
  for (const { url } of replicas) {
    const removed = await callReplica({ url, path: '/replication/removed', answer: z.array(z.string()) });
    if (isJson) print(JSON.stringify({ url, removed }));
    else print(`${url}  ${removed.length === 0 ? 'nobody is removed' : `removed: ${removed.join(', ')}`}`);
  }
  return 0;
}

async function tell(operator: Operator, method: 'PUT' | 'DELETE', what: string): Promise<number> {
  const [verb, replicaId] = operator.words;
  if (replicaId === undefined) {
    throw new InfraError({
      code: 'bad-usage',
      message: 'A replica id is missing.',
      hint: `pnpm dbsync replica ${verb} ID`,
    });
  }
  const path = `/replication/removed/${encodeURIComponent(replicaId)}`;
  for (const { url } of operator.replicas) {
    await callReplica({ url, path, method, answer: z.null() });
    operator.print(
      operator.isJson ? JSON.stringify({ url, [verb ?? '']: replicaId }) : `${url}  ${replicaId} ${what}`,
    );
  }
  return 0;
}
