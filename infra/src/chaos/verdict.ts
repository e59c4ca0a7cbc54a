/**
 * Judges a cluster that has become quiet: its files, its topic, what it says of itself, and what clients were told.
 */

import type { CutRows } from '../judge/cut-rows.ts';
import { LogJudge } from '../judge/log-judge.ts';
import { readReplicaFile } from '../judge/replica-file.ts';
import { type HeldRows, judgeEqual, judgeRows } from '../judge/rows-judge.ts';
import type { Violations } from '../judge/violations.ts';
import { isAnswer500, type LoadRecord } from '../load/order-load.ts';
import { waitFor } from '../process/wait-for.ts';
import { probeReplica } from '../verify/replica-probe.ts';
import { verifyReplicas } from '../verify/verify.ts';
import type { WatchedGround } from './chaos-ground.ts';

/** Most memory that a replica may take, in MiB. */
const memoryLimitMegabytes = 640;
const verifyTimeoutMs = 30_000;
const deepTimeoutMs = 600_000;

/** What was counted while judging. */
export interface Judged {
  readonly rows: number;
  readonly recordsOfOurs: number;
  readonly recordsOfStrangers: number;
}

/** Adds everything that is wrong to `violations`. */
export async function judgeQuiet(options: {
  readonly ground: WatchedGround;
  readonly loads: readonly LoadRecord[];
  readonly violations: Violations;
  readonly print: (line: string) => void;
}): Promise<Judged> {
  const { ground, violations } = options;
  const { chain, cluster, topic } = ground;
  const load = {
    attempted: new Set(options.loads.flatMap(({ attempted }) => [...attempted])),
    acknowledged: new Map(options.loads.flatMap(({ acknowledged }) => [...acknowledged])),
  };
  const held: HeldRows[] = [];
  for (const { name, database } of cluster.replicas) {
    options.print(`judging the rows of ${name}`);
    held.push(
      await readReplicaFile(database, (contents) =>
        judgeRows(name, contents, { knowledge: { chain, load }, violations }),
      ),
    );
  }
  judgeEqual(held, violations);
  const [first] = held;
  if (first === undefined) throw new Error('there is no replica to judge');
  options.print('judging the topic');
  const cut = await standingCut(ground);
  const log = new LogJudge({ chain, held: first, cut, violations });
  await topic.visitAll((record) => {
    log.visit(record);
    return undefined;
  });
  log.finish();
  await judgeSelf(options);
  judgeClients(options);
  return { rows: first.rows, recordsOfOurs: log.counters.genuine, recordsOfStrangers: log.counters.strange };
}

/** What retention took, while the topic lacks a beginning; a topic without a gap there lacks nothing. */
export async function standingCut({
  topic,
  cut,
}: Pick<WatchedGround, 'topic' | 'cut'>): Promise<CutRows | undefined> {
  const isCut = await waitFor({
    what: 'the topic',
    timeoutMs: 60_000,
    look: async () => {
      try {
        return { found: (await topic.offsets()).some(({ low }) => low > 0) };
      } catch (error) {
        return { missing: String(error) };
      }
    },
  });
  return isCut ? cut : undefined;
}

/** What `pnpm verify --deep` says, and how much memory the replicas took. */
async function judgeSelf(options: Parameters<typeof judgeQuiet>[0]): Promise<void> {
  const { ground, violations } = options;
  const said: string[] = [];
  const verdict = await verifyReplicas({
    replicas: ground.cluster.replicas.map(({ url }) => probeReplica(url)),
    timeoutMs: verifyTimeoutMs,
    isDeep: true,
    deepTimeoutMs,
    print: (line) => said.push(line),
  });
  if (verdict !== 'equal') violations.add('I6', `verify says ${verdict}`, said.join(' | '));
  const { memoryMegabytes } = ground.watch;
  if (memoryMegabytes > memoryLimitMegabytes)
    violations.add('I9', 'memory', `a replica took ${memoryMegabytes} MiB`);
}

/** What was answered that no answer may be. */
function judgeClients({ ground, loads, violations }: Parameters<typeof judgeQuiet>[0]): void {
  for (const { replica, what } of ground.reader.bad) violations.add('I7', 'bad read', `${replica}: ${what}`);
  for (const { failures } of loads) {
    for (const [what, count] of failures)
      if (isAnswer500(what)) violations.add('I8', 'answered 500', `${count} times: ${what}`);
  }
}
