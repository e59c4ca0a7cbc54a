/**
 * One question or order of an operator to one replica, over HTTP, with the replica's own words when it refuses.
 */
import { z } from 'zod';
import { InfraError } from '../infra-error.ts';

/** Longest wait for an answer, in milliseconds: a re-check of many hidden rows takes its time. */
const answerMs = 60_000;

const problemSchema = z.object({ detail: z.string() });

/**
 * Asks and checks the answer's form; a 204 is null.
 * @throws `not-found` when the replica does not answer, `service-failed` with its words when it refuses.
 */
export async function callReplica<T>(call: {
  url: string;
  path: string;
  method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  answer: z.ZodType<T>;
}): Promise<T> {
  const { url, path, method = 'GET', answer } = call;
  const response = await fetch(new URL(path, url), {
    method,
    signal: AbortSignal.timeout(answerMs),
    redirect: 'error',
  }).catch((cause: unknown) => {
    throw new InfraError({
      code: 'not-found',
      message: `${url} does not answer.`,
      hint: 'Check that the replica runs and that the URL is right.',
      cause,
    });
  });
  const body: unknown = response.status === 204 ? null : await response.json().catch(() => undefined);
  if (!response.ok) {
    const problem = problemSchema.safeParse(body);
    throw new InfraError({
      code: 'service-failed',
      message: `${url} answers ${response.status}${problem.success ? `: ${problem.data.detail}` : '.'}`,
      hint: 'Nothing was changed.',
    });
  }
  const parsed = answer.safeParse(body);
  if (parsed.success) return parsed.data;
  throw new InfraError({
    code: 'not-found',
    message: `${url} does not answer as a replica does.`,
    hint: 'Check that the URL is that of an order replica of this version.',
  });
}
