/**
 * The parts of a replica, by name: put together by `open-replica.ts` and `flow.ts`, held by `replica.ts`.
 */
import type { Admission } from './admission.ts';
import type { Chain } from './chain.ts';
import type { Consistency } from './consistency.ts';
import type { Recovery } from './damage/recovery.ts';
import type { Scrub } from './damage/scrub.ts';
import type { ReplicaFlow } from './flow.ts';
import type { History } from './history.ts';
import type { Limits } from './limits.ts';
import type { DirectoryLock } from './lock.ts';
import type { Loop } from './loop.ts';
import type { Milestones } from './milestones.ts';
import type { Origin, Origins } from './origins.ts';
import type { ReadTokens } from './read-token.ts';
import type { Registry } from './registry.ts';
import type { RemovedReplicas } from './removed-replicas.ts';
import type { SnapshotDonor } from './snapshot-donor.ts';
import type { Database } from './sqlite.ts';
import type { WriteVersion } from './write-version.ts';
import type { Writer } from './writer.ts';

/** The parts of a replica; `openReplica` puts them together. */
export interface ReplicaParts {
  readonly lock: DirectoryLock;
  readonly database: Database;
  readonly origins: Origins;
  readonly history: History;
  readonly chain: Chain;
  readonly own: Origin;
  readonly writer: Writer;
  readonly commits: Loop;
  readonly arrivals: Milestones;
  readonly registry: Registry;
  readonly versions: WriteVersion;
  readonly consistency: Consistency;
  readonly removed: RemovedReplicas;
  readonly readTokens: ReadTokens;
  readonly admission: Admission;
  readonly donor: SnapshotDonor;
  readonly limits: Limits;
  /** Absent: isolated. */
  readonly flow: ReplicaFlow | undefined;
  readonly recovery: Recovery;
  readonly recovering: Loop;
  readonly scrub: Scrub;
  readonly scrubbing: Loop;
  /** True for origins whose run goes on. */
  readonly isCurrent: (origin: string) => boolean;
}
