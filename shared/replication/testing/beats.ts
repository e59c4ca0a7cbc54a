/**
 * Announcements for tests: well-formed beats of replicas that are not there.
 */
import type { Announcement } from '../src/announcement.ts';
import { digestOf } from '../src/origins.ts';
import { testCluster } from './foreign-run.ts';

/** A beat of `origin`; everything else may be given. */
export function beatOf(origin: string, beat: number, change: Partial<Announcement> = {}): Announcement {
  const nothing = digestOf({});
  return {
    cluster: testCluster.cluster,
    origin,
    beat,
    url: `http://127.0.0.1:1/${origin}`,
    state: 'live',
    schemaVersion: 1,
    rows: 0,
    published: 0,
    unpublished: 0,
    isWritable: true,
    others: {},
    digest: nothing,
    ended: { latest: {}, origins: 0, digest: nothing },
    lag: { records: 0, ms: 0 },
    damage: 'none',
    ...change,
  };
}
