/**
 * Announcements: what replicas tell each other, and whoever looks for them, once a second.
 *
 * One JSON object on `<database>.replicas`, signed with the cluster's secret in the header `signature` (hex), so
 * that nobody without it can offer a URL. Beats of one origin are numbered; a goodbye is a beat of state
 * `leaving`.
 */
import { z } from 'zod';
import type { Chain } from './chain.ts';
import { isOrigin, replicaOf } from './origin.ts';

/** What a replica is doing. `leaving` is announced only, in a goodbye. */
export type ReplicaState = 'starting' | 'bootstrapping' | 'catching-up' | 'live' | 'relinking' | 'stopped';

const seq = z.int().min(0);
const digest = z.string().regex(/^[0-9a-f]{64}$/);

const announcementSchema = z.object({
  cluster: z.string().min(1).max(64),
  origin: z.string().refine(isOrigin, 'not an origin'),
  beat: z.int().min(1),
  url: z.url({ protocol: /^https?$/ }).max(2048),
  state: z.enum(['starting', 'bootstrapping', 'catching-up', 'live', 'relinking', 'stopped', 'leaving']),
  schemaVersion: z.int().min(1),
  /** Rows held, of all origins. */
  rows: seq,
  /** Own rows that were read back from the log. */
  published: seq,
  /** Own rows, of this and earlier runs, that were not. */
  unpublished: seq,
  isWritable: z.boolean(),
  /** Current origins of other replicas, as far as this one holds them. */
  others: z.record(z.string(), seq),
  digest,
  /** Ended origins: how many, one hash over all of them, and what is held of those that began last. */
  ended: z.object({ origins: seq, digest, latest: z.record(z.string(), seq).default({}) }),
  lag: z.object({ records: seq.nullable(), ms: z.number().min(0).nullable() }),
  /** `waiting`: its database is damaged and it waits for its turn or a source; builds before this one are silent. */
  damage: z.enum(['none', 'waiting', 'rebuilding']).default('none'),
});

/** One beat. `lag` is null where it is not known. */
export type Announcement = z.output<typeof announcementSchema>;

/** An announcement on its way. */
export interface AnnouncementMessage {
  readonly key: string;
  readonly value: Buffer;
  /** Hex. */
  readonly signature: string;
}

/** Where announcements are sent and heard. Calls have deadlines and throw `log-unreachable`. */
export interface AnnouncementChannel {
  /** Connects and creates the topic where it is missing. */
  open(): Promise<void>;
  send(message: AnnouncementMessage): Promise<void>;
  /** Hears everything from ten seconds ago on; `broke` is called once when the hearing ended by itself. */
  follow(listener: {
    hear(message: AnnouncementMessage): void;
    broke(error: unknown): void;
  }): Promise<{ stop(): Promise<void> }>;
  /** Leaves; never throws. */
  close(): Promise<void>;
}

/** Signs an announcement. */
export function encodeAnnouncement(announcement: Announcement, chain: Chain): AnnouncementMessage {
  const value = Buffer.from(JSON.stringify(announcement));
  return { key: replicaOf(announcement.origin), value, signature: chain.sign(value).toString('hex') };
}

/** The announcement in a message, or undefined where it is not of this cluster or not well-formed. */
export function decodeAnnouncement(
  message: AnnouncementMessage,
  options: { chain: Chain; cluster: string },
): Announcement | undefined {
  if (!/^[0-9a-f]{64}$/.test(message.signature)) return undefined;
  if (!options.chain.verifySignature(Buffer.from(message.signature, 'hex'), message.value)) return undefined;
  try {
    const parsed = announcementSchema.safeParse(JSON.parse(message.value.toString('utf8')));
    return parsed.success && parsed.data.cluster === options.cluster ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}
