/**
 * A replica seen from outside: the questions that `verify` asks it over HTTP, with every answer checked.
 */
import { z } from 'zod';
import { InfraError } from '../infra-error.ts';

const digest = z.string().regex(/^[0-9a-f]{64}$/);
const vectorSchema = z.record(z.string(), z.object({ seq: z.int().min(1), chain: digest }));
const statusSchema = z.looseObject({
  replicaId: z.string(),
  state: z.string(),
  stopReason: z.string().optional(),
  digest,
  rows: z.int(),
  unpublished: z.int(),
  lag: z.object({ records: z.number().nullable(), ms: z.number().nullable() }),
  stalled: z.array(
    z.object({
      origin: z.string(),
      reason: z.string(),
      schemaVersion: z.int().nullable().optional(),
      dismissed: z.boolean().optional(),
    }),
  ),
  alarms: z
    .array(
      z.union([
        z.object({ code: z.literal('event-too-large'), origin: z.string(), seq: z.int(), bytes: z.int() }),
        z.object({ code: z.literal('hidden-rows'), rows: z.int() }),
        z.object({ code: z.literal('contradictions'), records: z.int() }),
        // Of a newer build.
        z.object({ code: z.string() }).transform(({ code }) => ({ code: 'other' as const, name: code })),
      ]),
    )
    .optional(),
  twins: z.array(z.object({ replicaId: z.string(), origins: z.array(z.string()) })).optional(),
  schema: z
    .object({
      knows: z.int(),
      writes: z.int(),
      waitsFor: z.array(z.object({ replicaId: z.string(), schemaVersion: z.int().nullable() })),
    })
    .optional(),
  quarantined: z.int(),
  writable: z.boolean(),
  logReachable: z.boolean(),
});
const deepSchema = z.object({
  digest,
  expected: digest,
  rows: z.int(),
  problems: z.array(z.object({ origin: z.string(), seq: z.int(), what: z.string() })),
});
/** Answered by a service of the topology `shared-db`. */
const notReplicatedSchema = z.object({ type: z.literal('/problems/not-replicated'), detail: z.string() });
const changesSchema = z.object({
  events: z.array(z.object({ seq: z.int(), table: z.string(), chain: digest, value: z.base64() })),
});

/** What a replica says of itself. */
export type ProbedStatus = z.output<typeof statusSchema>;
/** Seq and chain by origin. */
export type ProbedVector = z.output<typeof vectorSchema>;
/** What its rows hash to. */
export type ProbedDeepCheck = z.output<typeof deepSchema>;
/** One row of its history. */
export type ProbedChange = z.output<typeof changesSchema>['events'][number];

/** How long one short question may take, in milliseconds. */
const QUESTION_MS = 5000;

/** One replica's answers. Every call throws `not-found` when it does not answer, or not as a replica does. */
export interface ReplicaProbe {
  readonly url: string;
  status(): Promise<ProbedStatus>;
  vector(): Promise<ProbedVector>;
  /** Recomputes all chains; takes seconds a million rows. */
  deepCheck(deadlineMs: number): Promise<ProbedDeepCheck>;
  /** Row `seq` of an origin, if the replica shows it. */
  change(origin: string, seq: number): Promise<ProbedChange | undefined>;
}

/** A probe for the replica at `url`. */
export function probeReplica(url: string): ReplicaProbe {
  const ask = async <T>(path: string, schema: z.ZodType<T>, deadlineMs = QUESTION_MS): Promise<T> => {
    try {
      const answer = await fetch(new URL(path, url), {
        signal: AbortSignal.timeout(deadlineMs),
        redirect: 'error',
      });
      if (!answer.ok) throw new Error(await refusalOf(answer));
      return schema.parse(await answer.json());
    } catch (cause) {
      const why = cause instanceof z.ZodError ? 'it does not answer as a replica does' : reasonOf(cause);
      throw new InfraError({
        code: 'not-found',
        message: `${url} cannot be asked: ${why}.`,
        hint: 'Check that the replica runs and that the URL is right.',
        cause,
      });
    }
  };
  return {
    url,
    status: () => ask('/replication/status', statusSchema),
    vector: async () => (await ask('/replication/vector', z.object({ vector: vectorSchema }))).vector,
    deepCheck: (deadlineMs) => ask('/replication/digest?deep=1', deepSchema, deadlineMs),
    async change(origin, seq) {
      const path = `/replication/changes?origin=${encodeURIComponent(origin)}&after=${seq - 1}&limit=1`;
      return (await ask(path, changesSchema)).events.find((event) => event.seq === seq);
    },
  };
}

/** Why it does not tell: in its own words where it has nothing to compare, else by the status. */
async function refusalOf(answer: Response): Promise<string> {
  const problem = notReplicatedSchema.safeParse(await answer.json().catch(() => null));
  return problem.success ? problem.data.detail.replace(/\.$/, '') : `it answered ${answer.status}`;
}

function reasonOf(error: unknown): string {
  const cause =
    error instanceof Error ? ((error.cause as { code?: string } | undefined)?.code ?? error.message) : '';
  return cause === '' ? String(error) : cause;
}
