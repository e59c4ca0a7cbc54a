/**
 * The beat of a replica: what its next announcement says of it.
 */
import type { Admission } from './admission.ts';
import type { Announcement } from './announcement.ts';
import type { ReplicaFlow } from './flow.ts';
import { describeEnded, digestOf, type Origins } from './origins.ts';
import type { Clock } from './surroundings.ts';

/** Puts the next beat together, without its number. */
export function describeBeat(parts: {
  /** The origin of this run. */
  own: string;
  url: string;
  schemaVersion: number;
  origins: Origins;
  admission: Admission;
  clock: Clock;
  isCurrent: (origin: string) => boolean;
  flow: ReplicaFlow | undefined;
  damage: Announcement['damage'];
}): Omit<Announcement, 'beat' | 'cluster'> {
  const { own, url, schemaVersion, origins, admission, clock, isCurrent, flow } = parts;
  const ended = origins.vector((name) => !isCurrent(name));
  const others = origins.vector((name) => name !== own && isCurrent(name));
  const lag = flow?.lag.lag((partition) => flow.applier.position(partition).next, clock.monotonic());
  return {
    origin: own,
    url,
    state: admission.isStopping ? 'leaving' : admission.state,
    schemaVersion,
    rows: origins.rows(),
    published: origins.get(own)?.published ?? 0,
    unpublished: flow?.publisher.unpublished() ?? 0,
    isWritable: admission.isWritable(),
    others: Object.fromEntries(Object.entries(others).map(([name, { seq }]) => [name, seq])),
    digest: digestOf(origins.vector()),
    ended: describeEnded(ended),
    lag: { records: lag?.records ?? null, ms: lag?.ms ?? null },
    damage: parts.damage,
  };
}
