/**
 * `dbsync hidden list|show|recheck`: rows that are kept at their place but that this build's rules refuse.
 */
import { z } from 'zod';
import { InfraError } from '../infra-error.ts';
import { type Operator, type OperatorCommand, onlyReplica, unknownWords } from './operator.ts';
import { callReplica } from './operator-call.ts';

const hiddenRow = z.object({
  origin: z.string(),
  seq: z.int(),
  table: z.string(),
  schemaVersion: z.int(),
  reason: z.string(),
  value: z.base64(),
});

/** Exit 0; refusals of a replica are errors. */
export const hiddenCommand: OperatorCommand = async (operator) => {
  const [verb] = operator.words;
  if (verb === 'list') return list(operator);
  if (verb === 'show') return show(operator);
  if (verb === 'recheck') return recheck(operator);
  throw unknownWords('hidden', operator.words, 'hidden list, hidden show ORIGIN:SEQ, hidden recheck');
};

function ask(url: string): Promise<z.output<typeof hiddenRow>[]> {
  return callReplica({ url, path: '/replication/hidden', answer: z.array(hiddenRow) });
}

async function list({ replicas, isJson, print }: Operator): Promise<number> {
  for (const { url } of replicas) {
    const rows = await ask(url);
    if (isJson) print(JSON.stringify({ url, rows }));
    else print(`${url}  ${rows.length === 0 ? 'no hidden rows' : `${rows.length} hidden rows`}`);
    if (isJson) continue;
    for (const { origin, seq, table, reason } of rows)
      print(`  ${origin}:${seq}  ${table}: ${reason.split('\n')[0]}`);
  }
  return 0;
}

async function show(operator: Operator): Promise<number> {
  const { url } = onlyReplica(operator);
  const [, place] = operator.words;
  const found = (await ask(url)).find(({ origin, seq }) => `${origin}:${seq}` === place);
  if (!found) {
    throw new InfraError({
      code: 'not-found',
      message: `There is no hidden row ${place ?? ''}.`,
      hint: 'hidden list names those that there are, as ORIGIN:SEQ.',
    });
  }
  if (operator.isJson) operator.print(JSON.stringify(found));
  else operator.print(`${found.reason}\n${Buffer.from(found.value, 'base64').toString('utf8')}`);
  return 0;
}

async function recheck({ replicas, isJson, print }: Operator): Promise<number> {
  for (const { url } of replicas) {
    const answer = z.object({ shown: z.int(), hidden: z.int() });
    const result = await callReplica({ url, path: '/replication/hidden/recheck', method: 'POST', answer });
    print(
      isJson
        ? JSON.stringify({ url, ...result })
        : `${url}  ${result.shown} rows are shown now, ${result.hidden} stay hidden`,
    );
  }
  return 0;
}
