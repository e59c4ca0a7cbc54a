/**
 * Origins: the name of one run of a replica, `<replicaId>.<ULID>`.
 *
 * A new one is minted at every process start and never used again, so no number that an origin gives out can
 * ever be given out twice, whatever happened to the directory in between.
 */
import { decodeTime, ulid } from 'ulid';
import type { Clock, Random } from './surroundings.ts';

/** Allowed replica ids, the stable half of an origin. */
export const REPLICA_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

const ORIGIN = /^([A-Za-z0-9][A-Za-z0-9._-]{0,63})\.([0-7][0-9A-HJKMNP-TV-Z]{25})$/;

/** Latest time that a ULID can carry, in milliseconds since 1970. */
const MAX_TIME = 2 ** 48 - 1;

/**
 * A fresh origin for this run of `replicaId`; a plain Error where that is none, which is a programming error. It sorts
 * behind all runs of this replica among `known`, also when the wall clock has gone back since.
 */
export function mintOrigin(
  replicaId: string,
  world: { clock: Clock; random: Random },
  known: readonly string[] = [],
): string {
  // Peers would put every event of such an origin into quarantine.
  if (!REPLICA_ID.test(replicaId)) throw new Error(`replica id '${replicaId}' is not usable`);
  const prng = (): number => Buffer.from(world.random.bytes(4)).readUInt32BE() / 2 ** 32;
  const earlier = known.filter((name) => replicaOf(name) === replicaId).map(runOf);
  const after = Math.max(-1, ...earlier.map((run) => decodeTime(run)));
  return `${replicaId}.${ulid(Math.min(Math.max(world.clock.now(), after + 1), MAX_TIME), prng)}`;
}

/** True when `name` has the form of an origin. */
export function isOrigin(name: string): boolean {
  return ORIGIN.test(name);
}

/** The replica whose run an origin was. */
export function replicaOf(origin: string): string {
  return origin.slice(0, origin.lastIndexOf('.'));
}

/** The ULID of an origin: of two runs of one replica, the later one has the larger run. */
export function runOf(origin: string): string {
  return origin.slice(origin.lastIndexOf('.') + 1);
}
