/**
 * The turn: whether a replica with a damaged database may be rebuilt now, and from what.
 *
 *   another one is being rebuilt, or waits and comes first -> wait, bounded
 *   a live peer with rows ................................... its snapshot
 *   no such peer, but the log from its very start .......... the log
 *   neither ................................................ nothing: the file stays where it is
 *
 * One at a time, so that replicas that are damaged together do not all lose their data before any has got it back.
 */
import type { Chain } from '../chain.ts';
import type { ChangeLog } from '../change-log.ts';
import { errorText, isReplicationError } from '../errors.ts';
import { isWhole } from '../log-guard.ts';
import { replicaOf } from '../origin.ts';
import type { Registry } from '../registry.ts';
import type { Clock } from '../surroundings.ts';
import { assertOurLog } from '../survey.ts';

/** What came of a look. `soon` says that waiting is worth while. */
export type Turn =
  | { readonly from: 'peer' | 'log' }
  | { readonly from: 'nothing'; readonly why: string; readonly soon: boolean };

/** How to look. */
export interface TurnOptions {
  readonly replicaId: string;
  readonly registry: Registry;
  readonly log: ChangeLog;
  readonly chain: Chain;
  readonly clock: Clock;
  /** True when others were waited for long enough. */
  readonly isWaitOver: boolean;
}

/** Silence after which one that was being rebuilt is not waited for any more, in milliseconds. */
const REBUILDING_SILENCE_MS = 30_000;

/** Looks around once. */
export async function lookForTurn(options: TurnOptions): Promise<Turn> {
  const { registry, replicaId, isWaitOver } = options;
  const others = registry.live().filter((other) => other.replicaId !== replicaId);
  const waiting = others.find(
    ({ announcement, replicaId: id }) => announcement.damage === 'waiting' && id < replicaId,
  );
  const first = rebuilding(options) ?? waiting?.replicaId;
  if (first !== undefined && !isWaitOver) {
    return { from: 'nothing', why: `${first} is rebuilt first`, soon: true };
  }
  if (others.some(({ state, announcement }) => state === 'live' && announcement.rows > 0))
    return { from: 'peer' };
  const isPeerComing = others.some(({ state }) => state !== 'stopped' && state !== 'live');
  try {
    const why = await whyNotFromLog(options);
    return why === undefined ? { from: 'log' } : { from: 'nothing', why, soon: isPeerComing };
  } catch (error) {
    if (!isReplicationError(error)) throw error;
    return { from: 'nothing', why: `no peer is live, and the log: ${errorText(error)}`, soon: isPeerComing };
  }
}

/** Who is being rebuilt. Between saying so and the first beats of what it opens lies a start, and a start may be slow. */
function rebuilding({ registry, replicaId }: TurnOptions): string | undefined {
  return registry
    .latest()
    .filter(({ damage, state }) => damage === 'rebuilding' && state !== 'leaving')
    .map(({ origin }) => replicaOf(origin))
    .find((id) => id !== replicaId && registry.silenceMs(id) < REBUILDING_SILENCE_MS);
}

async function whyNotFromLog({ log, chain, clock }: TurnOptions): Promise<string | undefined> {
  await log.open();
  const offsets = await log.offsets();
  if (!isWhole(offsets)) return 'no peer is live, and the log does not begin at its beginning';
  if (offsets.every(({ end }) => end === 0)) return 'no peer is live, and the log is empty';
  await assertOurLog({ log, offsets, chain, clock });
  return undefined;
}
