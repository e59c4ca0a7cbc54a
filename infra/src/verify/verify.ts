/**
 * The convergence check: do all replicas hold the same, and do their rows hash to what they say?
 *
 * It waits for equal digests up to a deadline, because replicas are equal only when things are quiet. What it
 * cannot ask, it does not judge.
 */
import { errorText } from '../infra-error.ts';
import { type Look, waitFor } from '../process/wait-for.ts';
import { describeDifferences } from './differences.ts';
import type { ProbedStatus, ReplicaProbe } from './replica-probe.ts';

/** `equal`: exit 0, `different`: exit 1, `unknown`: exit 2. */
export type Verdict = 'equal' | 'different' | 'unknown';

/** How to check. */
export interface VerifyOptions {
  readonly replicas: readonly ReplicaProbe[];
  readonly timeoutMs: number;
  /** Let each replica recompute its chains from its rows. */
  readonly isDeep: boolean;
  /** Longest recomputation of one replica, in milliseconds. */
  readonly deepTimeoutMs: number;
  readonly print: (line: string) => void;
}

interface Seen {
  readonly probe: ReplicaProbe;
  readonly status?: ProbedStatus;
  readonly error?: string;
}

/** Checks and says what it found. */
export async function verifyReplicas(options: VerifyOptions): Promise<Verdict> {
  const { replicas, isDeep, print } = options;
  if (replicas.length === 0 || (replicas.length === 1 && !isDeep)) {
    print(
      `cannot judge: ${replicas.length === 0 ? 'there is no replica' : 'one replica has nothing to be compared with'}`,
    );
    return 'unknown';
  }
  const startedAt = performance.now();
  const looks = await lookUntilEqual(options);
  for (const look of looks) print(lineOf(look));
  if (looks.some(({ error }) => error !== undefined)) {
    print('cannot judge: not every replica answers');
    return 'unknown';
  }
  if (!isEqual(looks)) return reportDifferences(looks, options);
  if (isDeep) {
    const verdict = await checkDeep(looks, options);
    if (verdict !== 'equal') return verdict;
  }
  const [first] = looks;
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  const what = isDeep ? 'equal, and the rows hash to it' : 'equal';
  print(
    `${what}: ${looks.length} replicas, ${first?.status?.rows} rows, digest ${first?.status?.digest.slice(0, 16)} (${seconds} s)`,
  );
  return 'equal';
}

async function lookUntilEqual({ replicas, timeoutMs }: VerifyOptions): Promise<Seen[]> {
  let looks: Seen[] = [];
  const look = async (): Promise<Look<true>> => {
    looks = await Promise.all(
      replicas.map(async (probe): Promise<Seen> => {
        try {
          return { probe, status: await probe.status() };
        } catch (error) {
          return { probe, error: errorText(error).split('\n')[0] ?? '' };
        }
      }),
    );
    return isEqual(looks) ? { found: true } : { missing: 'they differ' };
  };
  // A deadline that passes is an answer, too: the last look tells what differed.
  await waitFor({ what: 'equal digests', look, timeoutMs, intervalMs: 200 }).catch(() => undefined);
  return looks;
}

function isEqual(looks: readonly Seen[]): boolean {
  const digests = new Set(looks.map(({ status }) => status?.digest));
  return digests.size === 1 && !digests.has(undefined);
}

async function reportDifferences(
  looks: readonly Seen[],
  { print, timeoutMs }: VerifyOptions,
): Promise<Verdict> {
  print(`different after ${timeoutMs / 1000} s:`);
  const [first, ...others] = looks;
  for (const other of others) {
    if (!first || other.status?.digest === first.status?.digest) continue;
    const sides = [first, other].map(({ probe, status }) => ({
      probe,
      name: status?.replicaId ?? probe.url,
    }));
    const [a, b] = sides;
    if (!a || !b) continue;
    for (const line of await describeDifferences(a, b)) print(`  ${line}`);
  }
  return 'different';
}

async function checkDeep(looks: readonly Seen[], options: VerifyOptions): Promise<Verdict> {
  let verdict: Verdict = 'equal';
  for (const { probe, status } of looks) {
    options.print(`${status?.replicaId}: recomputing the chains of ${status?.rows} rows`);
    try {
      const check = await probe.deepCheck(options.deepTimeoutMs);
      for (const { origin, seq, what } of check.problems) {
        options.print(`  ${status?.replicaId}: ${origin}, row ${seq}: ${what}`);
      }
      if (check.problems.length > 0 || check.digest !== check.expected) {
        options.print(`  ${status?.replicaId}: its rows do not hash to its digest`);
        verdict = 'different';
      }
    } catch (error) {
      options.print(`  cannot judge: ${errorText(error)}`);
      if (verdict === 'equal') verdict = 'unknown';
    }
  }
  return verdict;
}

function lineOf({ probe, status, error }: Seen): string {
  if (!status) return `?  ${probe.url}  ${error}`;
  const { replicaId, state, rows, digest, unpublished, stopReason } = status;
  const waiting = unpublished > 0 ? `, ${unpublished} not yet in the log` : '';
  const reason = stopReason === undefined ? '' : ` (${stopReason})`;
  return `${replicaId}  ${probe.url}  ${state}${reason}  ${rows} rows${waiting}  digest ${digest.slice(0, 16)}`;
}
