/**
 * Carries out the faults of one lane, one after the other, until the time is up.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { errorText } from '../infra-error.ts';
import {
  bounceBroker,
  cutOff,
  flipBits,
  keepBrokerAway,
  makeOneWay,
  slowDown,
  suspendBroker,
} from './broker-faults.ts';
import type { WatchedGround } from './chaos-ground.ts';
import { damageFile } from './damage-fault.ts';
import { addReplica, restartEverything, restoreOldCopy, wipeReplica } from './directory-faults.ts';
import type { FaultKind, PlannedFault } from './fault-plan.ts';
import { reachHighWater } from './high-water.ts';
import {
  holdDatabase,
  killInRecovery,
  killStorm,
  killTwo,
  suspendReplica,
  terminateReplica,
} from './replica-faults.ts';
import { deleteTopic, passRetention, sendAgain, sendGarbage, sendTransactions } from './topic-faults.ts';

/** A fault that was carried out. */
export interface DoneFault {
  readonly fault: PlannedFault;
  /** Since the start of the run. */
  readonly beganMs: number;
  readonly endedMs: number;
  /** False: it was not seen to do what it should, or what it hurt did not come back. */
  readonly hasHeld: boolean;
  /** How it was seen. */
  readonly what: string;
}

type CarryOut = (ground: WatchedGround, fault: PlannedFault) => Promise<string>;

const carryOut: Readonly<Record<FaultKind, CarryOut>> = {
  'kill-storm': killStorm,
  'kill-in-recovery': killInRecovery,
  'kill-two': killTwo,
  'suspend-replica': suspendReplica,
  'suspend-long': suspendReplica,
  'terminate-replica': terminateReplica,
  'foreign-writer': holdDatabase,
  'add-replica': addReplica,
  'wipe-replica': wipeReplica,
  'restore-old-copy': restoreOldCopy,
  'damage-file': damageFile,
  'restart-everything': restartEverything,
  'terminate-broker': (ground) => bounceBroker(ground, 'SIGTERM'),
  'kill-broker': (ground) => bounceBroker(ground, 'SIGKILL'),
  'suspend-broker': suspendBroker,
  'broker-away': keepBrokerAway,
  'high-water': reachHighWater,
  'cut-off': cutOff,
  'one-way': makeOneWay,
  'slow-link': slowDown,
  'flipped-bytes': flipBits,
  'topic-deleted': deleteTopic,
  'retention-passed': passRetention,
  duplicates: sendAgain,
  garbage: sendGarbage,
  transactions: sendTransactions,
};

/** Runs a lane; resolves when its plan is through, or when the fault under way at the end of the time is over. */
export async function runLane(options: {
  readonly ground: WatchedGround;
  readonly plan: readonly PlannedFault[];
  readonly startMs: number;
  /** Aborted when the time is up. */
  readonly over: AbortSignal;
  readonly onDone: (done: DoneFault) => void;
}): Promise<void> {
  const { ground, startMs, over } = options;
  for (const fault of options.plan) {
    await pause(fault.pauseMs, undefined, { signal: over }).catch(() => undefined);
    if (over.aborted) return;
    const beganMs = performance.now() - startMs;
    const outcome = await carryOut[fault.kind](ground, fault).then(
      (what) => ({ hasHeld: true, what }),
      (error: unknown) => ({ hasHeld: false, what: errorText(error) }),
    );
    options.onDone({ fault, beganMs, endedMs: performance.now() - startMs, ...outcome });
  }
}
