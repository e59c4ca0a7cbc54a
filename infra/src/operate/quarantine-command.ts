/**
 * `dbsync quarantine list|show|discard`: records on the topic that are no event of ours.
 */
import { z } from 'zod';
import { numberAt, type Operator, type OperatorCommand, onlyReplica, unknownWords } from './operator.ts';
import { callReplica } from './operator-call.ts';

const entry = z.looseObject({
  id: z.int(),
  topic: z.string(),
  partition: z.int(),
  offset: z.int(),
  reason: z.string(),
  foundAt: z.string(),
  size: z.int(),
});
const record = entry.extend({
  key: z.base64().nullable(),
  value: z.base64().nullable(),
  headers: z.string(),
});

/** Exit 0; refusals of a replica are errors. */
export const quarantineCommand: OperatorCommand = async (operator) => {
  const [verb] = operator.words;
  if (verb === 'list') return list(operator);
  if (verb === 'show') return show(operator);
  if (verb === 'discard') return discard(operator);
  throw unknownWords(
    'quarantine',
    operator.words,
    'quarantine list, quarantine show ID, quarantine discard ID',
  );
};

async function list({ replicas, isJson, print }: Operator): Promise<number> {
  for (const { url } of replicas) {
    const entries = await callReplica({ url, path: '/replication/quarantine', answer: z.array(entry) });
    if (isJson) print(JSON.stringify({ url, entries }));
    else if (entries.length === 0) print(`${url}  nothing in quarantine`);
    else print(`${url}  ${entries.length} in quarantine`);
    if (isJson) continue;
    for (const { id, topic, partition, offset, reason, size, foundAt } of entries) {
      print(
        `  ${id}  ${topic} partition ${partition} offset ${offset}, ${size} bytes, ${foundAt}: ${reason}`,
      );
    }
  }
  return 0;
}

async function show(operator: Operator): Promise<number> {
  const { url } = onlyReplica(operator);
  const path = `/replication/quarantine/${numberAt(operator.words, 1, 'the number of an entry')}`;
  const found = await callReplica({ url, path, answer: record });
  if (operator.isJson) {
    operator.print(JSON.stringify(found));
    return 0;
  }
  const text = (bytes: string | null): string =>
    bytes === null ? 'null' : JSON.stringify(Buffer.from(bytes, 'base64').toString('utf8'));
  operator.print(`${found.topic} partition ${found.partition} offset ${found.offset}: ${found.reason}`);
  operator.print(`key    ${text(found.key)}`);
  operator.print(`value  ${text(found.value)}`);
  operator.print(`headers (base64)  ${found.headers}`);
  return 0;
}

async function discard(operator: Operator): Promise<number> {
  const { url } = onlyReplica(operator);
  const id = numberAt(operator.words, 1, 'the number of an entry');
  await callReplica({ url, path: `/replication/quarantine/${id}`, method: 'DELETE', answer: z.null() });
  operator.print(
    operator.isJson ? JSON.stringify({ discarded: id }) : `${id} is discarded; the log still has it`,
  );
  return 0;
}
