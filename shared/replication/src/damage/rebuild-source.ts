/**
 * Finding a source before the database is opened: a replica that knows its file to be damaged listens to the others,
 * says that it waits, and looks whose turn it is. Nothing of the file is touched meanwhile.
 */
import { type Announcement, decodeAnnouncement, encodeAnnouncement } from '../announcement.ts';
import type { Chain } from '../chain.ts';
import { errorText, isReplicationError } from '../errors.ts';
import { mintOrigin } from '../origin.ts';
import { digestOf } from '../origins.ts';
import { Registry } from '../registry.ts';
import type { ReplicaOptions } from '../replica-options.ts';
import type { Surroundings } from '../surroundings.ts';
import { lookForTurn, type Turn } from './rebuild-turn.ts';

/** How long the others are listened to at least, in milliseconds: two beats of everybody, and some to spare. */
const LISTEN_MS = 2500;

/** How long a start waits where waiting is worth while, in milliseconds; after it the service answers, with 503. */
const PATIENCE_MS = 20_000;

/** Time between two looks, in milliseconds. */
const LOOK_MS = 250;

/** Looks in vain at a log that does not answer before the start goes on without it, in milliseconds. */
const UNREACHABLE_MS = 5000;

/** Who asks. */
export type Seeker = Pick<ReplicaOptions, 'replicaId' | 'cluster' | 'url' | 'description'> & {
  readonly replication: NonNullable<ReplicaOptions['replication']>;
  readonly world: Surroundings;
  readonly chain: Chain;
  readonly isWaitOver: () => boolean;
};

/** A source and who is known, or why there is none. Bounded in time. */
export async function seekSource(seeker: Seeker): Promise<Turn & { readonly registry: Registry }> {
  const { replicaId, world, chain, cluster, replication } = seeker;
  const { clock, logger } = world;
  const { channel, log } = replication;
  const registry = new Registry(clock);
  const begunAtMs = clock.monotonic();
  const elapsedMs = (): number => clock.monotonic() - begunAtMs;
  let following: { stop(): Promise<void> } | undefined;
  let heardSinceMs = 0;
  let beat = 0;
  const origin = mintOrigin(replicaId, world);
  const send = async (said: Pick<Announcement, 'state' | 'damage'>): Promise<void> => {
    beat += 1;
    await channel.send(encodeAnnouncement({ ...describe(seeker, origin), ...said, beat, cluster }, chain));
  };
  let turn: Turn = { from: 'nothing', why: 'nobody was heard yet', soon: true };
  try {
    for (;;) {
      try {
        if (!following) {
          await channel.open();
          following = await channel.follow({
            hear: (message) => {
              const heard = decodeAnnouncement(message, { chain, cluster });
              if (heard && heard.origin !== origin) registry.hear(heard);
            },
            broke: () => {
              following = undefined;
            },
          });
          heardSinceMs = elapsedMs();
        }
        await send({ state: 'stopped', damage: 'waiting' });
        if (elapsedMs() - heardSinceMs >= LISTEN_MS) {
          const isWaitOver = seeker.isWaitOver();
          turn = await lookForTurn({ replicaId, registry, log, chain, clock, isWaitOver });
          if (turn.from !== 'nothing' || !turn.soon) return { ...turn, registry };
        }
      } catch (error) {
        if (!isReplicationError(error)) throw error;
        logger.debug({ error: errorText(error) }, 'looking for a source failed; it is tried again');
        turn = { from: 'nothing', why: errorText(error), soon: true };
        if (elapsedMs() > UNREACHABLE_MS) return { ...turn, registry };
      }
      if (elapsedMs() > PATIENCE_MS) return { ...turn, registry };
      await new Promise<void>((resolve) => clock.after(LOOK_MS, resolve));
    }
  } finally {
    // Whose turn it is must not be silent till it announces as a replica: the next one would take its turn meanwhile.
    const last: Parameters<typeof send>[0] =
      turn.from === 'nothing'
        ? { state: 'leaving', damage: 'waiting' }
        : { state: 'stopped', damage: 'rebuilding' };
    await send(last).catch(() => undefined);
    await following?.stop();
  }
}

function describe(
  { description }: Seeker,
  origin: string,
): Omit<Announcement, 'beat' | 'cluster' | 'state' | 'damage'> {
  const nothing = digestOf({});
  return {
    origin,
    // It does not answer yet; what is announced here is only that it waits.
    url: 'http://not-yet.invalid',
    schemaVersion: description.version,
    rows: 0,
    published: 0,
    unpublished: 0,
    isWritable: false,
    others: {},
    digest: nothing,
    ended: { origins: 0, digest: nothing, latest: {} },
    lag: { records: null, ms: null },
  };
}
