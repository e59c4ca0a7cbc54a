/**
 * `dbsync status`: what each replica is doing, in three lines.
 */
import { errorText } from '../infra-error.ts';
import type { ProbedStatus } from '../verify/replica-probe.ts';
import type { OperatorCommand } from './operator.ts';

interface Answer {
  readonly url: string;
  readonly status?: ProbedStatus;
  readonly error?: string;
}

/** Exit 0 when all replicas answer, 1 when one does not. */
export const statusCommand: OperatorCommand = async ({ replicas, isJson, print }) => {
  const answers = await Promise.all(
    replicas.map(async (probe): Promise<Answer> => {
      try {
        return { url: probe.url, status: await probe.status() };
      } catch (error) {
        return { url: probe.url, error: errorText(error) };
      }
    }),
  );
  if (isJson) print(JSON.stringify(answers));
  else for (const answer of answers) print(describe(answer));
  return answers.every(({ status }) => status) ? 0 : 1;
};

function describe({ url, status, error }: Answer): string {
  if (!status) return `?  ${url}\n   ${error}`;
  const { replicaId, state, stopReason, rows, digest, unpublished, lag, stalled, quarantined, schema } =
    status;
  const lagText = lag.records === null ? 'lag unknown' : `lag ${lag.records} records, ${lag.ms} ms`;
  const logText = status.logReachable ? 'log answers' : 'log does not answer';
  const lines = [
    `${replicaId}  ${url}  ${state}${stopReason === undefined ? '' : ` (${stopReason})`}`,
    `   ${rows} rows, digest ${digest.slice(0, 16)}, ${unpublished} not yet in the log`,
    `   ${lagText}, ${logText}, ${status.writable ? 'writable' : 'not writable'}`,
  ];
  for (const stall of stalled) lines.push(`   stalled: ${stall.origin} (${describeStall(stall)})`);
  for (const alarm of status.alarms ?? []) lines.push(`   alarm: ${describeAlarm(alarm)}`);
  for (const { replicaId: id, origins } of status.twins ?? [])
    lines.push(`   ${origins.length} processes run with replica id ${id}: ${origins.join(', ')}`);
  if (schema && schema.writes < schema.knows) lines.push(`   ${describeSchema(schema)}`);
  if (quarantined > 0) lines.push(`   ${quarantined} records in quarantine`);
  return lines.join('\n');
}

function describeAlarm(alarm: NonNullable<ProbedStatus['alarms']>[number]): string {
  switch (alarm.code) {
    case 'event-too-large':
      return `event-too-large: row ${alarm.seq} of ${alarm.origin} (${alarm.bytes} bytes)`;
    case 'hidden-rows':
      return `hidden-rows: ${alarm.rows} rows that this build refuses`;
    case 'contradictions':
      return `contradictions: ${alarm.records} records in quarantine that are not what is stored`;
    case 'other':
      return alarm.name;
  }
}

function describeStall({ reason, schemaVersion, dismissed }: ProbedStatus['stalled'][number]): string {
  if (dismissed) return `${reason}, dismissed: no known replica has the missing rows`;
  if (schemaVersion) return `${reason}: its next row is of version ${schemaVersion}, upgrade this replica`;
  return reason;
}

function describeSchema({ knows, writes, waitsFor }: NonNullable<ProbedStatus['schema']>): string {
  const whom = waitsFor.map(({ replicaId, schemaVersion }) =>
    schemaVersion === null ? `${replicaId} (not heard)` : `${replicaId} (version ${schemaVersion})`,
  );
  const reason = whom.length > 0 ? `waits for ${whom.join(', ')}` : 'listens for the other replicas';
  return `writes schema version ${writes}, knows ${knows}: ${reason}`;
}
